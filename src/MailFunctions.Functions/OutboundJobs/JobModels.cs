using System.Text.Json.Serialization;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.OutboundJobs;

/// <summary>A message on its way to one domain.</summary>
internal sealed record JobAnswer(
    string Id,
    string Domain,
    string MessageId,
    string State,
    string Sender,
    IReadOnlyList<JobRecipientAnswer> Recipients,
    int Attempts,
    DateTimeOffset ReceivedAt,
    DateTimeOffset? NextAttempt,
    string? LastReply,
    bool UnderWay,
    long Size)
{
    public static JobAnswer From(OutboundJob job, DateTimeOffset now) => new(
        job.Id,
        job.Domain,
        job.MessageId,
        job.State,
        job.MailFrom.Address,
        [.. job.Recipients.Select(r => new JobRecipientAnswer(r.Address, r.LastReply))],
        job.Attempts,
        job.ReceivedAt,
        job.State == JobState.Queued ? job.NextAttempt : null,
        job.LastReply,
        job.LeasedUntil > now,
        job.Size);
}

/// <summary>What was done by a filter.</summary>
/// <param name="Skipped">Jobs that were done, under way, or changed meanwhile.</param>
/// <param name="Continuation">There are more that match: call again with it.</param>
internal sealed record JobsDone(int Done, int Skipped, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Continuation);

/// <summary>A recipient that is not delivered to yet.</summary>
internal sealed record JobRecipientAnswer(string Address, string? LastReply);
