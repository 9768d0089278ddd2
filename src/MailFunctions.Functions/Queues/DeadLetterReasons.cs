using System.Text.Json;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Inbound;

namespace MailFunctions.Functions.Queues;

/// <summary>
/// Why a message became a dead letter. A function can only fail: the bus then knows that the delivery count is spent; why the deliveries
/// failed is in the message itself, in its traces, or in the row of its job.
/// </summary>
internal sealed class DeadLetterReasons(ITraceReader traces, IOutboundJobs jobs)
{
    /// <summary>The body is no envelope, or no alarm, that the functions can read.</summary>
    public const string Malformed = "Malformed";

    /// <summary>Every attempt failed.</summary>
    public const string Failed = "DeliveryFailed";

    private const int MaxRecipients = 20;
    private const int MaxEvents = 1000;
    private const int MaxDescription = 2000;

    /// <summary>The kinds of events that say why a message is not where it should be.</summary>
    private static readonly string[] Failures = [TraceKind.Failed, TraceKind.Unreadable, TraceKind.Bounced];

    public Task<DeadLetterAnswer> ExplainAsync(string queue, DeadLetter letter, CancellationToken cancellationToken) =>
        queue == QueueNames.Outbound ? ExplainAlarmAsync(letter, cancellationToken) : ExplainEnvelopeAsync(letter, cancellationToken);

    private async Task<DeadLetterAnswer> ExplainEnvelopeAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        if (EnvelopeReader.Read(letter.Body, out var fault) is not { } envelope)
        {
            return letter.Reason == QueueNames.DeliveriesSpent
                ? Answer(letter, Malformed, fault)
                : Answer(letter, letter.Reason, letter.Description);
        }

        var (reason, why) = (letter.Reason, letter.Description);
        if (letter.Reason == QueueNames.DeliveriesSpent)
        {
            var story = await traces.ByMessageAsync(envelope.Id, MaxEvents, null, cancellationToken);
            (reason, why) = (Failed, story.Items.LastOrDefault(e => Failures.Contains(e.Kind)) is { } last
                ? string.Join(": ", ((string?[])[string.Join(' ', last.Addresses), last.Detail]).Where(t => !string.IsNullOrEmpty(t)))
                : "No attempt left a trace; the log of the function app has the reason.");
        }

        return Answer(letter, reason, why) with
        {
            MessageId = envelope.Id,
            MailFrom = envelope.MailFrom.Address,
            Recipients = [.. envelope.Recipients.Take(MaxRecipients).Select(r => r.Address)],
        };
    }

    private async Task<DeadLetterAnswer> ExplainAlarmAsync(DeadLetter letter, CancellationToken cancellationToken)
    {
        OutboundAlarm? alarm;
        try
        {
            alarm = JsonSerializer.Deserialize(letter.Body.Span, OutboundJson.Default.OutboundAlarm);
        }
        catch (JsonException)
        {
            alarm = null;
        }

        if (letter.Reason != QueueNames.DeliveriesSpent)
        {
            return Answer(letter, letter.Reason, letter.Description);
        }

        if (alarm is not { Job: not null, Domain: not null })
        {
            return Answer(letter, Malformed, "The alarm names no job.");
        }

        var job = await jobs.FindAsync(alarm.Domain, alarm.Job, cancellationToken);
        return Answer(letter, Failed, job switch
        {
            null => $"The job {alarm.Job} is gone.",
            { LastReply: { } reply } => reply,
            _ => "No attempt left a reply; the log of the function app has the reason.",
        }) with
        {
            MessageId = job?.MessageId,
            MailFrom = job?.MailFrom.Address,
            Recipients = job is null ? null : [.. job.Recipients.Take(MaxRecipients).Select(r => r.Address)],
        };
    }

    // A search for one of several receives the others too; such receives are no deliveries to the function.
    private static DeadLetterAnswer Answer(DeadLetter letter, string? reason, string? description) => new(
        letter.SequenceNumber, letter.MessageId, letter.EnqueuedAt, Math.Min(letter.DeliveryCount, QueueNames.MaxDeliveries), reason,
        description is { Length: > MaxDescription } ? description[..MaxDescription] : description, letter.Reason, null, null, null);
}
