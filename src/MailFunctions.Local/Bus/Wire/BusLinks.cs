using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>Every attach comes here: which node it names, and whether the connection may use it.</summary>
internal sealed class BusLinks(LocalBus bus) : ILinkProcessor
{
    public void Process(AttachContext attachContext)
    {
        var attach = attachContext.Attach;
        var remoteReceives = attach.Role;
        var address = QueueSettings.Normalize(remoteReceives ? (attach.Source as Source)?.Address : (attach.Target as Target)?.Address);
        attach.MaxMessageSize = (ulong)bus.Settings.MaxMessageOctets; // SDKs size their batches by it

        if (address == ClaimsNode.Address)
        {
            AttachNode(attachContext, address, new ClaimsNode(bus).AnswerAsync);
            return;
        }

        var entity = address.EndsWith(ManagementNode.Suffix, StringComparison.Ordinal) ? address[..^ManagementNode.Suffix.Length] : address;
        if (!bus.Has(entity))
        {
            Refuse(attachContext, ErrorCode.NotFound, $"The messaging entity '{entity}' could not be found.");
        }
        else if (!ClientState.Of(attachContext.Link).May(address, bus.Time.GetUtcNow()))
        {
            Refuse(attachContext, ErrorCode.UnauthorizedAccess, $"Unauthorized access to '{entity}': put a token to $cbs first.");
        }
        else if (address != entity)
        {
            AttachNode(attachContext, address, new ManagementNode(entity, bus).AnswerAsync);
        }
        else if (remoteReceives)
        {
            var takesAway = attach.SndSettleMode == SenderSettleMode.Settled;
            attachContext.Complete(new OutgoingLink(entity, bus, attachContext.Link, takesAway), 0);
        }
        else if (QueueSettings.IsDeadLetter(entity))
        {
            Refuse(attachContext, ErrorCode.NotAllowed, "Nobody can send to a dead-letter queue.");
        }
        else
        {
            attachContext.Complete(new IncomingLink(entity, bus), IncomingLink.Credit);
        }
    }

    private void AttachNode(AttachContext context, string node, Func<ListenerLink, Message, Task<Message>> answer)
    {
        if (context.Attach.Role)
        {
            context.Complete(new AnswerLink(node, context.Link, (context.Attach.Target as Target)?.Address), 0);
        }
        else
        {
            context.Complete(new RequestLink(node, bus, answer), RequestLink.Credit);
        }
    }

    private static void Refuse(AttachContext context, string condition, string description) =>
        context.Complete(new Error(new Symbol(condition)) { Description = description });
}
