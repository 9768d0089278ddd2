using System.Runtime.CompilerServices;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Tls;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>Counting in memory, and writing it down.</summary>
public sealed class TlsResultsTests
{
    private readonly SetTime _time = new();
    private readonly MemoryCounts _store = new();

    [Fact]
    public async Task Write_Counts_GivesTheDaysTotalsOfWhatChanged()
    {
        using var results = new TlsResults(_store, _time);
        results.Count("one.test", TlsPolicyType.Sts, TlsResultType.Success);
        results.Count("one.test", TlsPolicyType.Sts, TlsResultType.Success);
        results.Count("two.test", TlsPolicyType.None, TlsResultType.NoStartTls);
        await results.WriteAsync(CancellationToken.None);
        results.Count("one.test", TlsPolicyType.Sts, TlsResultType.Success);
        await results.WriteAsync(CancellationToken.None);
        await results.WriteAsync(CancellationToken.None);

        Assert.Equal(["one.test success 2, two.test starttls-not-supported 1", "one.test success 3", ""], _store.Writes);
    }

    [Fact]
    public async Task Write_StoreAway_IsMadeUpForTheNextTime()
    {
        using var results = new TlsResults(_store, _time);
        results.Count("one.test", TlsPolicyType.Sts, TlsResultType.Success);
        _store.IsAway = true;
        await results.WriteAsync(CancellationToken.None);
        _store.IsAway = false;
        await results.WriteAsync(CancellationToken.None);

        Assert.Equal(["one.test success 1"], _store.Writes);
    }

    [Fact]
    public async Task Count_NextDay_BeginsAnew()
    {
        using var results = new TlsResults(_store, _time);
        results.Count("one.test", TlsPolicyType.Sts, TlsResultType.Success);
        _time.Now += TimeSpan.FromDays(1);
        await results.WriteAsync(CancellationToken.None);
        results.Count("one.test", TlsPolicyType.Sts, TlsResultType.Success);
        await results.WriteAsync(CancellationToken.None);

        Assert.Equal(["one.test success 1", "one.test success 1"], _store.Writes);
        Assert.Equal([new DateOnly(2026, 11, 23), new DateOnly(2026, 11, 24)], _store.Days);
    }

    [Fact]
    public async Task Count_MoreDomainsThanAreCounted_AreOne()
    {
        using var results = new TlsResults(_store, _time);
        for (var i = 0; i < TlsResults.MaxCounts + 500; i++)
        {
            results.Count($"d{i}.test", TlsPolicyType.None, TlsResultType.Success);
        }

        await results.WriteAsync(CancellationToken.None);

        Assert.EndsWith(
            $"* success 500",
            string.Join(", ", _store.Writes.Single().Split(", ").Order(StringComparer.Ordinal).Take(1)),
            StringComparison.Ordinal);
        Assert.Equal(TlsResults.MaxCounts + 1, _store.Writes.Single().Split(", ").Length);
    }

    private sealed class MemoryCounts : ITlsCountStore
    {
        public List<string> Writes { get; } = [];

        public List<DateOnly> Days { get; } = [];

        public bool IsAway { get; set; }

        public Task WriteAsync(string instance, IReadOnlyList<TlsCount> counts, CancellationToken cancellationToken)
        {
            if (IsAway)
            {
                throw new StoreUnavailableException("The store is away.");
            }

            Days.AddRange(counts.Select(c => c.Day));
            Writes.Add(string.Join(
                ", ", counts.OrderBy(c => c.Domain, StringComparer.Ordinal).Select(c => $"{c.Domain} {c.Result} {c.Sessions}")));
            return Task.CompletedTask;
        }

        public async IAsyncEnumerable<TlsCount> ReadAsync(
            DateOnly from, DateOnly to, string? domain, (string Domain, string Policy)? after,
            [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            yield break;
        }
    }
}
