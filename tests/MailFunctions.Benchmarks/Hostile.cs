using System.Globalization;
using MailFunctions.TestKit;

namespace MailFunctions.Benchmarks;

/// <summary>
/// Attacks on the edge's memory, each kind against a process of its own: a table of what a connection costs, and of what an honest client
/// meets.
/// </summary>
internal static class Hostile
{
    private static readonly TimeSpan BetweenMessages = TimeSpan.FromSeconds(0.5);

    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args, new() { ["connections"] = "100", ["seconds"] = "10", ["only"] = "", ["budget"] = "67108864" });
        var (connections, seconds) =
            (int.Parse(options["connections"], CultureInfo.InvariantCulture), int.Parse(options["seconds"], CultureInfo.InvariantCulture));
        Console.WriteLine(
            "| each connection | connections | MiB before | MiB at most | KiB a connection | MiB 15 s after they closed | honest client: "
                + "replies, slowest |\n|---|---|---|---|---|---|---|");
        (string Name, HostileClient[] Kinds)[] rows =
        [
            .. HostileClient.All.Select(a => (a.Name, (HostileClient[])[a])),
            ("all of these in turn", [.. HostileClient.All]),
        ];
        foreach (var (name, kinds) in rows.Where(r => r.Name.Contains(options["only"], StringComparison.OrdinalIgnoreCase)))
        {
            Console.WriteLine(await MeasureAsync(name, kinds, connections, TimeSpan.FromSeconds(seconds), options["budget"]));
        }

        return 0;
    }

    private static async Task<string> MeasureAsync(string name, HostileClient[] kinds, int connections, TimeSpan holds, string budget)
    {
        await using var edge = await HostileEdgeProcess.StartAsync(Environment.ProcessPath!, "--budget", budget);
        await Task.Delay(2000);
        var before = edge.Octets;
        using var end = new CancellationTokenSource();
        var settled = Enumerable.Range(0, connections)
            .Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
        var clients = settled.Select((s, i) => Task.Run(() => kinds[i % kinds.Length].RunAsync(edge.Ports, s, end.Token))).ToList();
        var honest = HonestAsync(edge, end.Token);
        var most = before;
        var all = Task.WhenAll(settled.Select(s => s.Task));
        for (var until = DateTime.UtcNow.AddMinutes(2); !all.IsCompleted && DateTime.UtcNow < until; most = Math.Max(most, edge.Octets))
        {
            await Task.WhenAny(all, Task.Delay(500));
        }

        for (var until = DateTime.UtcNow + holds; DateTime.UtcNow < until; most = Math.Max(most, edge.Octets))
        {
            await Task.Delay(500);
        }

        await end.CancelAsync();
        await Task.WhenAll(clients);
        var replies = await honest;
        await Task.Delay(15_000);
        var after = edge.Octets;
        var slowest = replies.Max(r => r.Took);
        var seen = replies.GroupBy(r => r.Reply[..Math.Min(9, r.Reply.Length)]).Select(g => $"{g.Count()} × {g.Key}");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {connections} | {Mebibytes(before):0} | {Mebibytes(most):0} | {(most - before) / 1024.0 / connections:0.0} | "
                + $"{Mebibytes(after):0} | {string.Join(", ", seen)}; {slowest.TotalMilliseconds:0} ms |");
    }

    private static async Task<List<(string Reply, TimeSpan Took)>> HonestAsync(HostileEdgeProcess edge, CancellationToken end)
    {
        var replies = new List<(string, TimeSpan)>();
        do
        {
            replies.Add(await edge.SendMessageAsync());
            await Task.WhenAny(Task.Delay(BetweenMessages, end));
        }
        while (!end.IsCancellationRequested);
        return replies;
    }

    private static double Mebibytes(long octets) => octets / 1024.0 / 1024.0;
}
