using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>What hostile clients cost the edge, in a process of its own. They run while no other test does.</summary>
[Collection(nameof(HostileMemoryTests))]
public sealed class HostileMemoryTests(HostileMemoryTests.OneKindEach measured) : IClassFixture<HostileMemoryTests.OneKindEach>
{
    private const int Connections = 100;
    private const long KiB = 1024;
    private const long MiB = 1024 * KiB;

    public static TheoryData<string> Kinds => [.. HostileClient.All.Select(a => a.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task OneConnection_WhateverItSends_CostsAtMost256KiB(string kind)
    {
        var (cost, reply) = await measured.CostOfAsync(kind);

        Assert.StartsWith("250 2.6.0", reply, StringComparison.Ordinal); // others are served
        Assert.True(cost < Connections * 256 * KiB, $"{kind}: a connection costs {cost / KiB / Connections} KiB");
    }

    [Fact]
    public async Task FiveThousandConnections_OfAllKinds_CostAtMostHalfAGibibyte()
    {
        await using var edge = await StartAsync();
        var before = edge.Octets;
        using var end = new CancellationTokenSource();

        // Those that read get so many replies and no more, or the machine would be measured and not the edge.
        HostileClient[] kinds = [.. HostileClient.All.Select(a => a.Reads ? a with { FloodOctets = 32 * KiB } : a)];
        var most = await AttackAsync(edge, kinds, 5000, end.Token);

        await end.CancelAsync();
        Assert.True(most - before < 512 * MiB, $"5,000 connections cost {(most - before) / MiB} MiB");
    }

    private static Task<HostileEdgeProcess> StartAsync() => HostileEdgeProcess.StartAsync(Repository.ProgramOf("MailFunctions.Benchmarks"));

    /// <summary>
    /// Opens connections that do their worst until the end; the most octets of the edge's process until they have no more to send.
    /// </summary>
    private static async Task<long> AttackAsync(HostileEdgeProcess edge, HostileClient[] kinds, int connections, CancellationToken end)
    {
        var settled = Enumerable.Range(0, connections)
            .Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
        foreach (var (i, one) in settled.Index())
        {
            _ = Task.Run(() => kinds[i % kinds.Length].RunAsync(edge.Ports, one, end), end);
        }

        // A machine with other work may not bring thousands to a standstill in this time.
        var most = 0L;
        var all = Task.WhenAll(settled.Select(s => s.Task));
        for (var looks = 0; looks < 160 && !all.IsCompleted; looks++)
        {
            most = Math.Max(most, edge.Octets);
            await Task.WhenAny(all, Task.Delay(250, TestContext.Current.CancellationToken));
        }

        return Math.Max(most, edge.Octets);
    }

    /// <summary>
    /// Every kind on an edge of its own. A measurement mostly waits, for connections to stall and for the edge to collect
    /// what the burst left, so some edges are measured side by side: each by the octets of its own process.
    /// </summary>
    public sealed class OneKindEach : IDisposable
    {
        private const int AtOnce = 4;

        private readonly SemaphoreSlim _slots = new(AtOnce);
        private readonly Lazy<Dictionary<string, Task<(long Cost, string Reply)>>> _costs;

        public OneKindEach() => _costs = new(() => HostileClient.All.ToDictionary(kind => kind.Name, MeasureAsync));

        public Task<(long Cost, string Reply)> CostOfAsync(string kind) => _costs.Value[kind];

        /// <summary>The first hundred also pay for code, pools and segments of the heap; the second hundred show what one costs.</summary>
        private async Task<(long Cost, string Reply)> MeasureAsync(HostileClient kind)
        {
            await _slots.WaitAsync(TestContext.Current.CancellationToken);
            try
            {
                await using var edge = await StartAsync();
                using var end = new CancellationTokenSource();
                var first = await HoldsAsync(edge, kind, end.Token);
                var second = await HoldsAsync(edge, kind, end.Token);
                var (reply, _) = await edge.SendMessageAsync();
                await end.CancelAsync();
                return (second - first, reply);
            }
            finally
            {
                _slots.Release();
            }
        }

        /// <summary>
        /// The fewest octets of the edge behind a hundred more connections: what the burst left is collected when it is quiet.
        /// </summary>
        private static async Task<long> HoldsAsync(HostileEdgeProcess edge, HostileClient kind, CancellationToken end)
        {
            var holds = await AttackAsync(edge, [kind], Connections, end);
            for (var looks = 0; looks < 16; looks++)
            {
                await Task.Delay(250, TestContext.Current.CancellationToken);
                holds = Math.Min(holds, edge.Octets);
            }

            return holds;
        }

        public void Dispose() => _slots.Dispose();
    }
}

[CollectionDefinition(nameof(HostileMemoryTests), DisableParallelization = true)]
public sealed class HostileMemoryCollection;
