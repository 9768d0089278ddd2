using System.Text.Json.Serialization;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>What is known of a message without opening it.</summary>
internal sealed record MessageAnswer(
    uint Uid,
    string MessageId,
    long Size,
    DateTimeOffset ReceivedAt,
    string? From,
    string? To,
    string? Subject,
    DateTimeOffset? Date,
    string? InternetMessageId,
    IReadOnlyList<string> Attachments,
    DateTimeOffset? DeletedAt = null)
{
    public static MessageAnswer Of(MailboxEntry e) => new(
        e.Uid, e.MessageId, e.Size, e.ReceivedAt, e.From, e.To, e.Subject, e.Date, e.InternetMessageId, e.Attachments, e.DeletedAt);
}

/// <summary>A message that is back, under a new uid.</summary>
internal sealed record RestoreAnswer(uint Uid);

/// <summary>What an import came to. The first hundred faults are named, each with the message's place in the file.</summary>
/// <param name="Known">Of those imported: the mailbox had a message of that Message-ID and that many octets before.</param>
/// <param name="Skipped">Known ones that were left out, as `?skipKnown=true` asks.</param>
internal sealed record ImportAnswer(long Imported, long Known, long Skipped, long Refused, IReadOnlyList<ImportFault> Faults);

/// <summary>A message that was not imported.</summary>
/// <param name="Message">1 for the first one.</param>
/// <param name="Line">Of the file: the one that the message begins with.</param>
internal sealed record ImportFault(long Message, long Line, string Fault);

/// <summary>The mailbox of an account that was deleted.</summary>
/// <param name="KeptUntil">Its mail is purged from then on.</param>
internal sealed record DeletedMailboxAnswer(string Id, DateTimeOffset DeletedAt, DateTimeOffset KeptUntil, long Messages, long Bytes);

/// <summary>What was put into the account.</summary>
/// <param name="AlreadyThere">Messages that the account has had before, in its mailbox or deleted.</param>
/// <param name="Continuation">There are more: call again with it.</param>
internal sealed record DeletedMailboxRestored(
    int Restored, int AlreadyThere, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Continuation);
