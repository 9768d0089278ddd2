using MailFunctions.Core.Addresses;

namespace MailFunctions.Functions.Inbound;

/// <summary>Detects that a message to be forwarded has passed here before.</summary>
internal static class ForwardingLoop
{
    /// <summary>RFC 5321 §6.3: a message with more hops is in a loop.</summary>
    public const int MaxHops = 100;

    // RFC 9228 §3: each forwarding address leaves its name.
    public static bool IsOne(MessageSummary message, EmailAddress through) =>
        message.Hops > MaxHops || message.DeliveredTo.Any(a => EmailAddress.Parse(a)?.Equals(through) is true);
}
