using System.Globalization;
using Cronos;

namespace MailFunctions.Local.Host.App;

/// <summary>A timer's schedule: NCRONTAB with six fields, cron with five, or a time span between runs.</summary>
internal sealed class TimerSchedule
{
    private readonly CronExpression? _cron;
    private readonly TimeSpan _interval;

    private TimerSchedule(CronExpression? cron, TimeSpan interval) => (_cron, _interval) = (cron, interval);

    /// <summary>Null when the text is no schedule.</summary>
    public static TimerSchedule? Parse(string text)
    {
        // "1:00:00" is a span; cron fields are parted by blanks.
        if (!text.Trim().Contains(' ', StringComparison.Ordinal))
        {
            return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var interval) && interval > TimeSpan.Zero
                ? new TimerSchedule(null, interval)
                : null;
        }

        var format = text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard;
        return CronExpression.TryParse(text, format, out var cron) ? new TimerSchedule(cron, default) : null;
    }

    /// <summary>The first run after an instant, or null when there is none any more.</summary>
    public DateTimeOffset? Next(DateTimeOffset after) =>
        _cron is null ? after + _interval : _cron.GetNextOccurrence(after, TimeZoneInfo.Utc);

    /// <summary>The schedule follows the clock, which functions are given with each run.</summary>
    public bool AdjustForDst => _cron is not null;
}
