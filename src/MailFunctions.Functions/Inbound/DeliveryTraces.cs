using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Traces;

namespace MailFunctions.Functions.Inbound;

/// <summary>The events of a delivery as the postmaster's traces have them.</summary>
internal static class DeliveryTraces
{
    public static TraceEvent Delivered(InboundEnvelope envelope, Route route, RoutedRecipient recipient) => new()
    {
        MessageId = envelope.Id,
        At = route.Result switch
        {
            DeliveryResult.Delivered delivered => delivered.At,
            DeliveryResult.AlreadyDelivered before => before.At, // the event may be missing; if not, it is the same row
            _ => throw new InvalidOperationException("The route has no result."),
        },
        Kind = TraceKind.Delivered,
        Addresses = [recipient.Address.ToCanonicalString()],
        Detail = (route.Account.Address.Equals(recipient.Address), recipient.IsLoop) switch
        {
            (true, false) => null,
            (false, false) => $"into the mailbox of {route.Account.Address.ToCanonicalString()}",
            _ => $"into the mailbox of {route.Account.Address.ToCanonicalString()}; "
                + "not sent on, since the message has been here before",
        },
    };

    public static TraceEvent Accepted(InboundEnvelope envelope) => new()
    {
        MessageId = envelope.Id,
        At = envelope.ReceivedAt,
        Kind = TraceKind.Accepted,
        Addresses = envelope.MailFrom.Address.Length > 0
            ? [EmailAddress.ParseReversePath(envelope.MailFrom.Address)?.ToCanonicalString() ?? envelope.MailFrom.Address]
            : [],
        Detail = $"{envelope.Listener} from {envelope.Client.Ip} ({envelope.Client.Helo}), {envelope.Client.Tls ?? "no TLS"}, " +
            $"{(envelope.Client.AuthenticatedAs is { } account ? "as " + account : "no login")}, " +
            $"{envelope.Size} octets, {envelope.Recipients.Count} recipients",
    };

    /// <summary>Dated by the message, so that each retry writes the same row.</summary>
    public static TraceEvent Fault(InboundEnvelope envelope, string kind, EmailAddress? recipient, string detail) => new()
    {
        MessageId = envelope.Id,
        At = envelope.ReceivedAt,
        Kind = kind,
        Addresses = [recipient?.ToCanonicalString() ?? envelope.Recipients[0].Address],
        Detail = detail,
    };

    /// <summary>The reason of a failed invocation.</summary>
    public static TraceEvent Failed(InboundEnvelope envelope, string reason, DateTimeOffset at) =>
        new() { MessageId = envelope.Id, At = at, Kind = TraceKind.Failed, Detail = reason };
}
