using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;
using MailFunctions.Local.Bus.Store;
using Microsoft.Data.Sqlite;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>A client's link that sends into a queue. A transfer is accepted only when it is on the disk.</summary>
internal sealed class IncomingLink(string queue, LocalBus bus) : LinkEndpoint
{
    /// <summary>Transfers a client may have under way.</summary>
    public const int Credit = 200;

    public override void OnMessage(MessageContext messageContext) => _ = StoreAsync(messageContext.Link, messageContext.Message);

    private async Task StoreAsync(ListenerLink link, Message message)
    {
        Outcome outcome;
        try
        {
            var messages = SentMessages.From(message);
            if (messages.Sum(m => (long)m.Body.Length) > bus.Settings.MaxMessageOctets)
            {
                outcome = Refuse(ErrorCode.MessageSizeExceeded, $"A transfer may hold {bus.Settings.MaxMessageOctets} octets.");
            }
            else
            {
                await bus.Store.AddAsync(queue, messages);
                bus.Announce(queue);
                outcome = new Accepted();
            }
        }
        catch (AmqpException e)
        {
            outcome = Refuse(e.Error.Condition, e.Error.Description);
        }
        catch (SqliteException e)
        {
            outcome = Refuse(ErrorCode.InternalError, e.Message);
        }

        Settle(link, message, outcome);
    }

    private static Rejected Refuse(string condition, string description) =>
        new() { Error = new Error(new Symbol(condition)) { Description = description } };

    private static void Settle(ListenerLink link, Message message, Outcome outcome)
    {
        try
        {
            link.DisposeMessage(message, outcome, true);
        }
        catch (AmqpException)
        {
            // The link has gone; the client sends again, and duplicate detection knows the message.
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
