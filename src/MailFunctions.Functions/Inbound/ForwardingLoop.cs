using MailFunctions.Core.Addresses;

namespace MailFunctions.Functions.Inbound;

/// <summary>Sees that a message which is to be sent on has been here before.</summary>
internal static class ForwardingLoop
{
    /// <summary>RFC 5321 §6.3: a message with more hops goes round, wherever.</summary>
    public const int MaxHops = 100;

    // RFC 9228 §3: each address that sends a message on leaves its name.
    public static bool IsOne(MessageSummary message, EmailAddress through) =>
        message.Hops > MaxHops || message.DeliveredTo.Any(a => EmailAddress.Parse(a)?.Equals(through) is true);
}
