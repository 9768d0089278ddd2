using System.Net;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Sessions;

/// <summary>What happened in an SMTP session, for metrics and logs; never content, never credentials.</summary>
public interface ISmtpEvents
{
    /// <summary>The client's commands got this refusal (4yz or 5yz).</summary>
    void Refused(IPAddress client, string command, ReplyStatus reply);

    /// <summary>
    /// A transaction ended in which recipients were refused for what they are or where they lead: one call, however many.
    /// </summary>
    void RecipientsRefused(RefusedRecipients refused)
    {
    }

    /// <summary>The end of a message's data was answered, whichever way.</summary>
    void Answered(AnsweredMessage message)
    {
    }

    /// <summary>A message was answered with 250.</summary>
    void Accepted(IPAddress client, string id, int recipients, long octets);
}

/// <summary>What a session knows of a transaction.</summary>
public abstract record TransactionEvent
{
    /// <summary>The transaction's, which is the message's if one came of it.</summary>
    public required string Id { get; init; }

    /// <summary>Of a message the time of its last octet: before it can have been delivered.</summary>
    public required DateTimeOffset EndedAt { get; init; }

    /// <summary>One of <see cref="ListenerKind"/>.</summary>
    public required string Listener { get; init; }

    public required ClientInfo Client { get; init; }

    public required string ReversePath { get; init; }
}

/// <summary>A message as its session has seen it.</summary>
public sealed record AnsweredMessage : TransactionEvent
{
    public required IReadOnlyList<EnvelopeRecipient> Recipients { get; init; }

    /// <summary>As the client sent them.</summary>
    public required long Octets { get; init; }

    public required ReplyStatus Reply { get; init; }
}

/// <summary>What was refused of one transaction.</summary>
public sealed record RefusedRecipients : TransactionEvent
{
    /// <summary>The first of them, each once.</summary>
    public required IReadOnlyList<RefusedRecipient> Recipients { get; init; }

    /// <summary>Refusals in all.</summary>
    public required int Count { get; init; }
}

/// <summary>A recipient of a transaction that was refused.</summary>
public sealed record RefusedRecipient(EmailAddress Address, ReplyStatus Reply);
