using System.Globalization;
using System.Text.Json;
using MailFunctions.Core.Bus;

namespace MailFunctions.Core.Relay;

/// <summary>The body of a `mail-outbound` message (design §3.1): the alarm clock of one job.</summary>
public sealed record OutboundAlarm
{
    public int V { get; init; } = 1;

    /// <summary>The row of `outbound`.</summary>
    public required string Job { get; init; }

    /// <summary>The partition of `outbound`.</summary>
    public required string Domain { get; init; }

    /// <summary>Dropped when the row has another one.</summary>
    public required int Generation { get; init; }

    /// <summary>The alarm of a job as it is now: at once when that is due.</summary>
    /// <param name="at">When; null: at the job's next attempt.</param>
    public static BusMessage For(OutboundJob job, DateTimeOffset now, DateTimeOffset? at = null)
    {
        var due = at ?? job.NextAttempt;
        var alarm = new OutboundAlarm { Job = job.Id, Domain = job.Domain, Generation = job.Generation };
        // One alarm set twice is one; the same generation at another time is another alarm.
        var id = string.Create(CultureInfo.InvariantCulture, $"{job.Id}.{job.Generation}{(at is null ? "" : $".{due.UtcTicks}")}");
        return new BusMessage(id, JsonSerializer.SerializeToUtf8Bytes(alarm, OutboundJson.Default.OutboundAlarm))
        {
            ScheduledEnqueueTime = due > now ? due : null,
            TraceParent = job.TraceParent,
        };
    }
}
