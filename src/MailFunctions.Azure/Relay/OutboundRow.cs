using System.Text.Json;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;

namespace MailFunctions.Azure.Relay;

/// <summary>A row of `outbound`, both ways.</summary>
internal static class OutboundRow
{
    public const string StateColumn = "State";
    public const string NextAttemptColumn = "NextAttempt";
    public const string ChangedAtColumn = "ChangedAt";

    private const int MaxReply = 500;

    /// <summary>A column holds 32 Ki characters; what is longer is refused, and with it all that the row would say.</summary>
    private const int MaxColumn = 32_000;

    /// <summary>Characters that are kept of each recipient's reply: the most that fit, at last the reply code.</summary>
    private static readonly int[] ReplyLengths = [MaxReply, 200, 100, 50, 20, 3];

    public static TableEntity From(OutboundJob job) => new(TableKey.Escape(job.Domain), job.Id)
    {
        ["Domain"] = job.Domain,
        ["MessageId"] = job.MessageId,
        ["Blob"] = job.Blob,
        ["Size"] = job.Size,
        ["MailFrom"] = JsonSerializer.Serialize(job.MailFrom, EnvelopeJson.Compact.ReversePath),
        ["IsOurs"] = job.IsOurs,
        ["DeliveredTo"] = job.DeliveredTo,
        ["ReceivedAt"] = job.ReceivedAt,
        ["Recipients"] = ThatFits(
            length => JsonSerializer.Serialize(
                [.. job.Recipients.Select(r => r with { LastReply = Cut(r.LastReply, length) })],
                OutboundJson.Compact.IReadOnlyListOutboundRecipient)),
        ["MadeFor"] = job.MadeFor.Count == 0 ? null : string.Join('\n', job.MadeFor), // no address has a line break
        ["Results"] = job.Results.Count == 0 ? null : ThatFits(
            length => JsonSerializer.Serialize(
                [.. job.Results.Select(r => Shortened(r, length))], OutboundJson.Compact.IReadOnlyListRecipientResult)),
        [StateColumn] = job.State,
        ["Attempts"] = job.Attempts,
        [NextAttemptColumn] = job.NextAttempt,
        ["LastReply"] = Cut(job.LastReply, MaxReply),
        ["Generation"] = job.Generation,
        ["LeasedUntil"] = job.LeasedUntil,
        ["WarnedAt"] = job.WarnedAt,
        ["TraceParent"] = job.TraceParent,
        [ChangedAtColumn] = job.ChangedAt,
    };

    public static OutboundJob ToJob(TableEntity row) => new()
    {
        Id = row.RowKey,
        Domain = row.GetString("Domain"),
        MessageId = row.GetString("MessageId"),
        Blob = row.GetString("Blob"),
        Size = row.GetInt64("Size") ?? 0,
        MailFrom = JsonSerializer.Deserialize(row.GetString("MailFrom"), EnvelopeJson.Default.ReversePath)!,
        IsOurs = row.GetBoolean("IsOurs") ?? false,
        DeliveredTo = row.GetString("DeliveredTo"),
        ReceivedAt = row.GetDateTimeOffset("ReceivedAt") ?? default,
        Recipients = JsonSerializer.Deserialize(row.GetString("Recipients"), OutboundJson.Default.IReadOnlyListOutboundRecipient) ?? [],
        MadeFor = row.GetString("MadeFor")?.Split('\n') ?? [],
        Results = row.GetString("Results") is { } results
            ? JsonSerializer.Deserialize(results, OutboundJson.Default.IReadOnlyListRecipientResult) ?? []
            : [],
        State = JobState.Current(row.GetString(StateColumn))!,
        Attempts = row.GetInt32("Attempts") ?? 0,
        NextAttempt = row.GetDateTimeOffset(NextAttemptColumn) ?? default,
        LastReply = row.GetString("LastReply"),
        Generation = row.GetInt32("Generation") ?? 0,
        LeasedUntil = row.GetDateTimeOffset("LeasedUntil"),
        WarnedAt = row.GetDateTimeOffset("WarnedAt"),
        TraceParent = row.GetString("TraceParent"),
        ChangedAt = row.GetDateTimeOffset(ChangedAtColumn) ?? default,
        ETag = row.ETag.ToString(),
    };

    /// <summary>The reply stands there already, and not once more as the recipient's last.</summary>
    private static RecipientResult Shortened(RecipientResult result, int length) =>
        result with { Recipient = result.Recipient with { LastReply = null }, Reply = Cut(result.Reply, length)! };

    private static string ThatFits(Func<int, string> write) =>
        ReplyLengths.Select(write).FirstOrDefault(text => text.Length <= MaxColumn) ?? write(0);

    private static string? Cut(string? text, int length) =>
        text is null || text.Length <= length ? text : text[..(length > 0 && char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
}
