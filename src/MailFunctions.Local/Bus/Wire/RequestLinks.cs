using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>The link on which a client gets answers from `$cbs` or `{entity}/$management`.</summary>
internal sealed class AnswerLink : LinkEndpoint
{
    private readonly CreditLedger _credit;
    private readonly ConcurrentQueue<Message> _waiting = new();

    public AnswerLink(string node, ListenerLink link, string? targetAddress)
    {
        (Node, Link, TargetAddress) = (node, link, targetAddress);
        _credit = new CreditLedger(link);
        ClientState.Of(link).Add(this);
    }

    public string Node { get; }

    public ListenerLink Link { get; }

    public string? TargetAddress { get; }

    public void Send(Message answer)
    {
        _waiting.Enqueue(answer);
        SendWaiting();
    }

    private void SendWaiting()
    {
        lock (_waiting)
        {
            while (_waiting.TryPeek(out var next) && _credit.TrySend(next))
            {
                _waiting.TryDequeue(out _);
            }
        }
    }

    public override void OnFlow(FlowContext flowContext)
    {
        _credit.OnFlow(flowContext);
        SendWaiting();
        _credit.EndDrain();
    }

    public override void OnDisposition(DispositionContext dispositionContext) =>
        Link.DisposeMessage(dispositionContext.Message, new Accepted(), true);

    public override void OnLinkClosed(ListenerLink link, Error error) => ClientState.Of(link).Remove(this);
}

/// <summary>The link on which a client sends requests; each gets one answer.</summary>
internal sealed class RequestLink(string node, LocalBus bus, Func<ListenerLink, Message, Task<Message>> answer) : LinkEndpoint
{
    public const int Credit = 100;

    public override void OnMessage(MessageContext messageContext) => _ = AnswerAsync(messageContext);

    private async Task AnswerAsync(MessageContext context)
    {
        try
        {
            var request = context.Message;
            var properties = request.Properties;
            var link = ClientState.Of(context.Link).Find(node, properties?.ReplyTo);
            var reply = await answer(context.Link, request);
            reply.Properties ??= new Properties();
            reply.Properties.SetCorrelationId(properties?.GetMessageId());
            context.Complete();
            link?.Send(reply);
        }
        catch (Exception e)
        {
            bus.ReportFault($"A request to '{node}' failed", e);
            if (!context.Link.IsClosed)
            {
                context.Complete(new Error(new Amqp.Types.Symbol(ErrorCode.InternalError)) { Description = e.Message });
            }
        }
    }

    public override void OnFlow(FlowContext flowContext)
    {
        // Senders' flows ask for nothing.
    }

    public override void OnDisposition(DispositionContext dispositionContext)
    {
        // We settle, not the sender.
    }
}
