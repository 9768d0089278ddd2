using System.Diagnostics;
using System.Globalization;

namespace MailFunctions.Benchmarks;

/// <summary>How long a load took, and the processors that this process and the storage were busy with it.</summary>
internal readonly record struct Sample(TimeSpan Took, double Ours, double Theirs);

/// <summary>Time by the clock and by the processor, of this process and of another.</summary>
internal sealed class Stopwatches(int otherProcess)
{
    public async Task<Sample> MeasureAsync(Func<Task> work)
    {
        var (started, ours, theirs) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, OtherTime());
        await work();
        var took = Stopwatch.GetElapsedTime(started);
        return new Sample(took, (Environment.CpuUsage.TotalTime - ours) / took, (OtherTime() - theirs) / took);
    }

    private TimeSpan OtherTime()
    {
        using var process = Process.GetProcessById(otherProcess);
        return process.TotalProcessorTime;
    }
}

/// <summary>One row of a table of loads, which may be measured against another of the same round.</summary>
internal sealed class Load(string name, int count, Load? peer, Func<Task<Sample>> run)
{
    private readonly string _name = name;
    private readonly List<double> _rates = [];
    private readonly List<Sample> _samples = [];

    /// <summary>Runs them round by round in turn, and back again in the next, so that what changes with time favours nobody.</summary>
    public static async Task CompareAsync(Load[] loads, int rounds)
    {
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var load in round % 2 == 0 ? loads : loads.Reverse())
            {
                await load.RunAsync(counts: round > 0); // the first round warms up
            }

            Console.Error.WriteLine($"round {round} of {rounds}");
        }

        Console.WriteLine(
            "| load | messages/s, median (range) | of | median (range) of each round's ratio | processors: ours, the "
            + "storage's |\n|---|---|---|---|---|");
        foreach (var load in loads)
        {
            Console.WriteLine(load.ToRow());
        }
    }

    private async Task RunAsync(bool counts)
    {
        var sample = await run();
        if (counts)
        {
            _rates.Add(count / sample.Took.TotalSeconds);
            _samples.Add(sample);
        }
    }

    private string ToRow()
    {
        var ratio = peer is null ? " | " : $"{peer._name} | {Show(_rates.Zip(peer._rates, static (mine, its) => mine / its), "0.00")}";
        var processors = string.Create(
            CultureInfo.InvariantCulture, $"{Median(_samples.Select(s => s.Ours)):0.00}, {Median(_samples.Select(s => s.Theirs)):0.00}");
        return $"| {_name} | {Show(_rates, "#,0")} | {ratio} | {processors} |";
    }

    private static string Show(IEnumerable<double> values, string format)
    {
        double[] all = [.. values];
        return $"{Text(Median(all))} ({Text(all.Min())}–{Text(all.Max())})";

        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
