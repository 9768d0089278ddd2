namespace MailFunctions.Core.Stats;

/// <summary>What one process counted in one minute: a row of `stats`.</summary>
/// <param name="Minute">Its beginning, UTC.</param>
/// <param name="Instance">Names the process: no two that run at once have the same.</param>
public sealed record StatsMinute(DateTimeOffset Minute, string Instance, IReadOnlyDictionary<string, long> Counters);

/// <summary>The table `stats`. Methods throw <see cref="Messages.StoreUnavailableException"/>.</summary>
public interface IStatsStore
{
    /// <summary>Writing the same minute again replaces it.</summary>
    Task WriteAsync(StatsMinute minute, CancellationToken cancellationToken);

    /// <summary>The minutes of a window in order of time, of all instances: one partition query for each of its days.</summary>
    IAsyncEnumerable<StatsMinute> ReadAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellationToken);
}
