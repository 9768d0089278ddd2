using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Traces;
using MailFunctions.Protocols.Smtp;

namespace MailFunctions.Edge.Telemetry;

/// <summary>What a session has to tell of a message, in words for the postmaster.</summary>
internal static class SessionStory
{
    /// <summary>Recipients named of one message; of more only the number.</summary>
    public const int MaxNamed = 20;

    public static TraceEvent OfRefused(string id, DateTimeOffset at, ClientInfo client, string reversePath, EmailAddress recipient, SmtpReply reply) => new()
    {
        MessageId = id,
        At = at,
        Kind = TraceKind.Refused,
        Addresses = Distinct([reversePath, recipient.ToString()]),
        Detail = $"RCPT answered with {reply.Code} {reply.Enhanced}, from {Describe(client)}",
    };

    /// <summary>One that was taken is found by addresses already, since each of its recipients has an end; one that was refused is not.</summary>
    public static TraceEvent Of(AnsweredMessage message) => new()
    {
        MessageId = message.Id,
        At = message.EndedAt,
        Kind = message.Reply.IsFailure ? TraceKind.Refused : TraceKind.Received,
        Addresses = message.Reply.IsFailure ? Distinct([message.ReversePath, .. message.Recipients.Take(MaxNamed).Select(r => r.Address)]) : [],
        Detail = $"{message.Octets} octets answered with {message.Reply.Code} {message.Reply.Enhanced}, {message.Listener} from {Describe(message.Client)}"
            + Named("taken", message.Recipients.Count, message.Recipients.Select(r => r.Address))
            + Named("refused", message.Refused.Count, message.Refused.Select(r => $"{r.Address} ({r.Reply.Code} {r.Reply.Enhanced})")),
    };

    private static string Describe(ClientInfo client) =>
        $"{client.Ip} ({client.Helo}), {client.Tls ?? "no TLS"}, {(client.AuthenticatedAs is { } account ? "as " + account : "no login")}";

    private static string Named(string word, int count, IEnumerable<string> names) => count == 0
        ? ""
        : $"; {word}: {string.Join(", ", names.Take(MaxNamed))}{(count > MaxNamed ? $" and {count - MaxNamed} more" : "")}";

    private static List<string> Distinct(IEnumerable<string> addresses) =>
        [.. addresses.Select(a => EmailAddress.Parse(a)?.ToCanonicalString()).OfType<string>().Distinct()];
}
