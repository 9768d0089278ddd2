using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>What hostile clients cost the edge, in a process of its own. They run while no other test does.</summary>
[Collection(nameof(HostileMemoryTests))]
public sealed class HostileMemoryTests
{
    private const long KiB = 1024;
    private const long MiB = 1024 * KiB;

    /// <summary>
    /// What a process makes once, whatever the number of clients: code that the first ones have it compile, segments of the
    /// heap, pools. Between 100 and 600 connections that are most of it, under TLS, the rest grew by 229 KiB each.
    /// </summary>
    private const long Once = 32 * MiB;

    public static TheoryData<string> Kinds => [.. HostileClient.All.Select(a => a.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task OneConnection_WhateverItSends_CostsAtMost256KiB(string kind)
    {
        const int Connections = 200;
        var grown = await GrowthAsync([HostileClient.All.Single(a => a.Name == kind)], Connections);

        Assert.True(grown < (Connections * 256 * KiB) + Once, $"{kind}: {Connections} connections cost {grown / KiB / Connections} KiB each");
    }

    [Fact]
    public async Task FiveThousandConnections_OfAllKinds_CostAtMostHalfAGibibyte()
    {
        // Those that read get so many replies and no more, or the machine would be measured and not the edge.
        var grown = await GrowthAsync([.. HostileClient.All.Select(a => a.Reads ? a with { FloodOctets = 32 * KiB } : a)], 5000);

        Assert.True(grown < 512 * MiB, $"5,000 connections cost {grown / MiB} MiB");
    }

    /// <summary>Octets that the edge's process has more than before, at most.</summary>
    private static async Task<long> GrowthAsync(IReadOnlyList<HostileClient> kinds, int connections)
    {
        await using var edge = await HostileEdgeProcess.StartAsync(Repository.ProgramOf("MailFunctions.Benchmarks"));
        var before = edge.Octets;
        using var end = new CancellationTokenSource();
        var settled = Enumerable.Range(0, connections).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
        var clients = settled.Select((s, i) => Task.Run(() => kinds[i % kinds.Count].RunAsync(edge.Ports, s, end.Token))).ToList();
        var all = Task.WhenAll(settled.Select(s => s.Task));
        var most = before;
        for (var looks = 0; looks < 480 && !all.IsCompleted; looks++)
        {
            most = Math.Max(most, edge.Octets);
            await Task.WhenAny(all, Task.Delay(250, TestContext.Current.CancellationToken));
        }

        Assert.True(all.IsCompleted, "The clients did not get to their standstill within two minutes.");
        most = Math.Max(most, edge.Octets);
        Assert.StartsWith("250 2.6.0", (await edge.SendMessageAsync()).Reply, StringComparison.Ordinal); // and others are served
        await end.CancelAsync();
        await Task.WhenAll(clients);
        return most - before;
    }
}

[CollectionDefinition(nameof(HostileMemoryTests), DisableParallelization = true)]
public sealed class HostileMemoryCollection;
