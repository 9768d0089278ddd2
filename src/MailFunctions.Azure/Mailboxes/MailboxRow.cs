using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Azure.Data.Tables;
using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>Rows of `mailboxes`: keys and columns (design §3.3).</summary>
internal static class MailboxRow
{
    public const string StateKey = "state";
    public const string LockKey = "lock";
    public const string MessagePrefix = "msg:";
    public const string DeletedPrefix = "del:";
    /// <summary>The end of the range of keys, exclusive: `;` follows `:`.</summary>
    public const string AfterMessages = "msg;";
    public const string AfterDeleted = "del;";
    public const string SizeColumn = "Size";
    public const string FetchedColumn = "FetchedAt";
    public const string DeliveredAtColumn = "DeliveredAt";

    /// <summary>In the `id:` row: where the message is, or was before it was deleted.</summary>
    public const string DeliveredUidColumn = "Uid";

    /// <summary>What it takes to give a message to a client.</summary>
    public static readonly string[] ContentColumns = ["RowKey", "MessageId", "Blob", SizeColumn, "Prologue", "LacksFinalLineBreak"];

    /// <summary>UTF-16 characters of the attachments' names as JSON: a string column holds 32,768 of them.</summary>
    public const int MaxAttachmentsText = 30_000;

    // Names of other scripts take a character a letter, not the six of \uXXXX: no HTML is made of this column.
    private static readonly JavaScriptEncoder NameEncoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    private static readonly DirectoryJson NamesJson = new(new JsonSerializerOptions { Encoder = NameEncoder });

    public static string Partition(string mailboxId) => TableKey.Escape(mailboxId) + ":inbox";

    public static string MessageKey(uint uid) => string.Create(CultureInfo.InvariantCulture, $"{MessagePrefix}{uid:D10}");

    public static string DeletedKey(uint uid) => string.Create(CultureInfo.InvariantCulture, $"{DeletedPrefix}{uid:D10}");

    public static string DeliveredKey(string messageId) => "id:" + TableKey.Escape(messageId);

    public static uint UidOf(string rowKey) =>
        uint.Parse(rowKey.AsSpan(MessagePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture);

    public static TableEntity From(string partition, MailboxState state) => new(partition, StateKey)
    {
        ["UidValidity"] = (long)state.UidValidity,
        ["UidNext"] = (long)state.UidNext,
        ["Count"] = state.Count,
        ["Bytes"] = state.Bytes,
    };

    public static MailboxState ToState(TableEntity row) => new(
        (uint)(row.GetInt64("UidValidity") ?? 0),
        (uint)(row.GetInt64("UidNext") ?? 1),
        row.GetInt64("Count") ?? 0,
        row.GetInt64("Bytes") ?? 0);

    public static TableEntity From(string partition, MailboxEntry entry)
    {
        var row = new TableEntity(partition, entry.DeletedAt is null ? MessageKey(entry.Uid) : DeletedKey(entry.Uid))
        {
            ["MessageId"] = entry.MessageId,
            ["Blob"] = entry.Blob,
            [SizeColumn] = entry.Size,
            ["Prologue"] = entry.Prologue,
            ["ReceivedAt"] = entry.ReceivedAt,
        };
        SetIfAny(row, "LacksFinalLineBreak", entry.LacksFinalLineBreak ? true : null);
        SetIfAny(row, "Subject", entry.Subject);
        SetIfAny(row, "From", entry.From);
        SetIfAny(row, "To", entry.To);
        SetIfAny(row, "Date", entry.Date);
        SetIfAny(row, "InternetMessageId", entry.InternetMessageId);
        SetIfAny(row, "DeletedAt", entry.DeletedAt);
        // A message that is restored has not been fetched: its account's rule begins anew.
        SetIfAny(row, FetchedColumn, entry.DeletedAt is null ? entry.FetchedAt : null);
        SetIfAny(row, "Attachments", entry.Attachments.Count == 0
            ? null
            : JsonSerializer.Serialize(ThatFit(entry.Attachments), NamesJson.ListString));
        return row;
    }

    public static MailboxEntry ToEntry(TableEntity row) => new()
    {
        Uid = UidOf(row.RowKey),
        MessageId = row.GetString("MessageId"),
        Blob = row.GetString("Blob"),
        Size = row.GetInt64(SizeColumn) ?? 0,
        Prologue = row.GetString("Prologue") ?? "",
        LacksFinalLineBreak = row.GetBoolean("LacksFinalLineBreak") ?? false,
        ReceivedAt = row.GetDateTimeOffset("ReceivedAt") ?? default,
        Subject = row.GetString("Subject"),
        From = row.GetString("From"),
        To = row.GetString("To"),
        Date = row.GetDateTimeOffset("Date"),
        InternetMessageId = row.GetString("InternetMessageId"),
        DeletedAt = row.GetDateTimeOffset("DeletedAt"),
        FetchedAt = row.GetDateTimeOffset(FetchedColumn),
        Attachments = row.GetString("Attachments") is { } names
            ? JsonSerializer.Deserialize(names, DirectoryJson.Default.ListString)!
            : [],
    };

    /// <summary>As many of the names as the column takes, from the first on.</summary>
    private static List<string> ThatFit(IReadOnlyList<string> names)
    {
        var length = "[]".Length;
        return [.. names.TakeWhile(name => (length += NameEncoder.Encode(name).Length + "\"\",".Length) <= MaxAttachmentsText)];
    }

    private static void SetIfAny(TableEntity row, string column, object? value)
    {
        if (value is not null)
        {
            row[column] = value;
        }
    }
}
