using System.Text.Json;
using Azure.Data.Tables;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;

namespace MailFunctions.Azure.Tables;

/// <summary>A row of `outbound`, both ways.</summary>
internal static class OutboundRow
{
    public const string StateColumn = "State";
    public const string NextAttemptColumn = "NextAttempt";
    public const string ChangedAtColumn = "ChangedAt";

    private const int MaxReply = 500;

    public static TableEntity From(OutboundJob job) => new(TableKey.Escape(job.Domain), job.Id)
    {
        ["Domain"] = job.Domain,
        ["MessageId"] = job.MessageId,
        ["Blob"] = job.Blob,
        ["Size"] = job.Size,
        ["MailFrom"] = JsonSerializer.Serialize(job.MailFrom, EnvelopeJson.Default.ReversePath),
        ["IsOurs"] = job.IsOurs,
        ["DeliveredTo"] = job.DeliveredTo,
        ["ReceivedAt"] = job.ReceivedAt,
        ["Recipients"] = JsonSerializer.Serialize(job.Recipients, EnvelopeJson.Default.IReadOnlyListOutboundRecipient),
        ["Results"] = job.Results.Count == 0 ? null : JsonSerializer.Serialize(job.Results, EnvelopeJson.Default.IReadOnlyListRecipientResult),
        [StateColumn] = job.State,
        ["Attempts"] = job.Attempts,
        [NextAttemptColumn] = job.NextAttempt,
        ["LastReply"] = job.LastReply is { Length: > MaxReply } reply ? reply[..MaxReply] : job.LastReply,
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
        Recipients = JsonSerializer.Deserialize(row.GetString("Recipients"), EnvelopeJson.Default.IReadOnlyListOutboundRecipient) ?? [],
        Results = row.GetString("Results") is { } results
            ? JsonSerializer.Deserialize(results, EnvelopeJson.Default.IReadOnlyListRecipientResult) ?? []
            : [],
        State = row.GetString(StateColumn),
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
}
