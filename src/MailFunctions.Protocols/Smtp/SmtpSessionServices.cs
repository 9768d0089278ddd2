using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Smtp;

/// <summary>The ports of a session; the same for all of them.</summary>
public sealed record SmtpSessionServices
{
    public required IMessageIntake Intake { get; init; }

    /// <summary>What messages under way may hold.</summary>
    public MessageMemory Memory { get; init; } = MessageMemory.Unbounded();

    public required ISmtpPolicy Policy { get; init; }

    public required IAuthenticator Authenticator { get; init; }

    /// <summary>Asked again at each MAIL of an account.</summary>
    public required IOpenLogins Logins { get; init; }

    public required ISmtpEvents Events { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Cancelled when the server is to stop: sessions finish the message they are in.</summary>
    public CancellationToken Drain { get; init; }
}

/// <summary>What happened in a session, for metrics and logs; never content, never credentials.</summary>
public interface ISmtpEvents
{
    /// <summary>The client's commands got this refusal (4yz or 5yz).</summary>
    void Refused(IPAddress client, string command, SmtpReply reply);

    /// <summary>A transaction is over in which recipients were refused for what they are or where they lead: told once, however many.</summary>
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

/// <summary>A message as its session has seen it.</summary>
/// <param name="EndedAt">When its last octet was there: before it can have been delivered.</param>
/// <param name="Listener">One of <see cref="ListenerKind"/>.</param>
/// <param name="Octets">As the client sent them.</param>
public sealed record AnsweredMessage(
    string Id, DateTimeOffset EndedAt, string Listener, ClientInfo Client, string ReversePath, IReadOnlyList<EnvelopeRecipient> Recipients,
    long Octets, SmtpReply Reply);

/// <summary>What was refused of one transaction.</summary>
/// <param name="Id">The transaction's, which is the message's if one came of it.</param>
/// <param name="Recipients">The first of them, each once.</param>
/// <param name="Count">Refusals in all.</param>
public sealed record RefusedRecipients(
    string Id, DateTimeOffset EndedAt, string Listener, ClientInfo Client, string ReversePath, IReadOnlyList<RefusedRecipient> Recipients, int Count);

/// <summary>A recipient of a transaction that was refused.</summary>
public sealed record RefusedRecipient(EmailAddress Address, SmtpReply Reply);

/// <summary>Why a session ended.</summary>
public enum SmtpSessionEnd
{
    Quit,
    ClientClosed,
    TimedOut,
    Drained,
    ProtocolError,
    TooManyErrors,
    TlsFailed,
    Throttled,
    LoginEnded,

    /// <summary>The client did not read its replies.</summary>
    NotReading,

    /// <summary>Its message came in too slowly while others waited for room.</summary>
    TooSlow,

    /// <summary>The TLS layer failed: the client renegotiated, or sent what is no TLS.</summary>
    TlsBroken,
}
