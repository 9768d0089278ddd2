using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Sessions;
using MailFunctions.Core.Traces;

namespace MailFunctions.Edge.Telemetry;

/// <summary>What a session has seen of a message, in words for the postmaster.</summary>
internal static class SessionStory
{
    /// <summary>Recipients named of one message; of more only the number.</summary>
    public const int MaxNamed = 20;

    /// <summary>One event a transaction: a flood of refusals does not become a flood of rows.</summary>
    public static TraceEvent Of(RefusedRecipients refused) => new()
    {
        MessageId = refused.Id,
        At = refused.EndedAt,
        Kind = TraceKind.Refused,
        Addresses = Distinct([refused.ReversePath, .. refused.Recipients.Take(MaxNamed).Select(r => r.Address.ToString())]),
        Detail = $"recipients refused, {refused.Listener} from {Describe(refused.Client)}"
            + Named("refused", refused.Count, refused.Recipients.Select(r => $"{r.Address} ({r.Reply.Code} {r.Reply.Enhanced})")),
    };

    /// <summary>An accepted message is found by the addresses of its later events; a refused one has none, so it names them here.</summary>
    public static TraceEvent Of(AnsweredMessage message) => new()
    {
        MessageId = message.Id,
        At = message.EndedAt,
        Kind = message.Reply.IsFailure ? TraceKind.Refused : TraceKind.Received,
        Addresses = message.Reply.IsFailure
            ? Distinct([message.ReversePath, .. message.Recipients.Take(MaxNamed).Select(r => r.Address)])
            : [],
        Detail = $"{message.Octets} octets answered with {message.Reply.Code} {message.Reply.Enhanced}, "
            + $"{message.Listener} from {Describe(message.Client)}"
            + Named("taken", message.Recipients.Count, message.Recipients.Select(r => r.Address)),
    };

    private static string Describe(ClientInfo client) =>
        $"{client.Ip} ({client.Helo}), {client.Tls ?? "no TLS"}, {(client.AuthenticatedAs is { } account ? "as " + account : "no login")}";

    private static string Named(string word, int count, IEnumerable<string> names) => count == 0
        ? ""
        : $"; {word}: {string.Join(", ", names.Take(MaxNamed))}{More(count - Math.Min(names.Count(), MaxNamed))}";

    private static string More(int count) => count > 0 ? $" and {count} more" : "";

    private static List<string> Distinct(IEnumerable<string> addresses) =>
        [.. addresses.Select(a => EmailAddress.ParseReversePath(a)?.ToCanonicalString()).OfType<string>().Distinct()];
}
