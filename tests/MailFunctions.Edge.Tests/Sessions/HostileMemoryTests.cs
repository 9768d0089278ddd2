using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>What hostile clients cost the edge, in a process of its own. They run while no other test does.</summary>
[Collection(nameof(HostileMemoryTests))]
public sealed class HostileMemoryTests
{
    private const long KiB = 1024;
    private const long MiB = 1024 * KiB;

    public static TheoryData<string> Kinds => [.. HostileClient.All.Select(a => a.Name)];

    /// <summary>The first hundred also pay for what the process makes once: code, pools, segments of the heap. The second hundred show what one costs.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task OneConnection_WhateverItSends_CostsAtMost256KiB(string kind)
    {
        const int Connections = 100;
        HostileClient[] kinds = [HostileClient.All.Single(a => a.Name == kind)];
        await using var edge = await StartAsync();
        using var end = new CancellationTokenSource();
        var first = (await AttackAsync(edge, kinds, Connections, end.Token)).Holds;
        var second = (await AttackAsync(edge, kinds, Connections, end.Token)).Holds;

        Assert.StartsWith("250 2.6.0", (await edge.SendMessageAsync()).Reply, StringComparison.Ordinal); // others are served
        await end.CancelAsync();
        Assert.True(second - first < Connections * 256 * KiB, $"{kind}: a connection costs {(second - first) / KiB / Connections} KiB");
    }

    [Fact]
    public async Task FiveThousandConnections_OfAllKinds_CostAtMostHalfAGibibyte()
    {
        await using var edge = await StartAsync();
        var before = edge.Octets;
        using var end = new CancellationTokenSource();

        // Those that read get so many replies and no more, or the machine would be measured and not the edge.
        var (most, _) = await AttackAsync(edge, [.. HostileClient.All.Select(a => a.Reads ? a with { FloodOctets = 32 * KiB } : a)], 5000, end.Token);

        await end.CancelAsync();
        Assert.True(most - before < 512 * MiB, $"5,000 connections cost {(most - before) / MiB} MiB");
    }

    private static Task<HostileEdgeProcess> StartAsync() => HostileEdgeProcess.StartAsync(Repository.ProgramOf("MailFunctions.Benchmarks"));

    /// <summary>
    /// Opens connections that do their worst until the end: the octets that the edge's process has at most meanwhile, and those
    /// that it holds when they have no more to send.
    /// </summary>
    private static async Task<(long Most, long Holds)> AttackAsync(
        HostileEdgeProcess edge, HostileClient[] kinds, int connections, CancellationToken end)
    {
        var settled = Enumerable.Range(0, connections).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
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

        most = Math.Max(most, edge.Octets);
        var holds = most;
        for (var looks = 0; looks < 16; looks++)
        {
            await Task.Delay(250, TestContext.Current.CancellationToken); // what the burst left is collected once it is quiet
            holds = Math.Min(holds, edge.Octets);
        }

        return (most, holds);
    }
}

[CollectionDefinition(nameof(HostileMemoryTests), DisableParallelization = true)]
public sealed class HostileMemoryCollection;
