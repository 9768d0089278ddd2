using System.Globalization;

namespace MailFunctions.TestKit;

/// <summary>The edge of `MailFunctions.Benchmarks edge-hostile` as a process, to be attacked and weighed.</summary>
public sealed class HostileEdgeProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly ProgramProcess _process;

    private HostileEdgeProcess(ProgramProcess process, EdgePorts ports) => (_process, Ports) = (process, ports);

    public EdgePorts Ports { get; }

    /// <summary>
    /// Octets of memory that are the process's own and of no file: its share of the code depends on how many others run it.
    /// </summary>
    public long Octets => OctetsOf("Anonymous:");

    public static async Task<HostileEdgeProcess> StartAsync(string program, params string[] options)
    {
        var ports = new EdgePorts(FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
        var process = ProgramProcess.Start(
            program,
            ["edge-hostile", "--smtp-port", $"{ports.Smtp}", "--smtps-port", $"{ports.Smtps}", "--pop3-port", $"{ports.Pop3}", .. options]);
        var edge = new HostileEdgeProcess(process, ports);
        using var limit = new CancellationTokenSource(StartLimit);
        while (!await edge.AnswersAsync())
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException("The edge ended: " + string.Join('\n', process.Errors));
            }

            await Task.Delay(100, limit.Token);
        }

        // What the first sessions make once is no connection's.
        for (var i = 0; i < 200; i++)
        {
            await edge.SendMessageAsync();
        }

        return edge;
    }

    /// <summary>An honest client's message; the last reply, and how long the whole took.</summary>
    public async Task<(string Reply, TimeSpan Took)> SendMessageAsync()
    {
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var reply = "";
        try
        {
            await using var client = await RawClient.ConnectAsync(Ports.Smtp);
            reply = await client.ReadReplyAsync();
            foreach (var command in (string[])[
                "EHLO honest.test", "MAIL FROM:<a@honest.test>", "RCPT TO:<bob@bench.test>", "DATA", $"Subject: hello\r\n\r\n{Body}\r\n.",
                "QUIT"])
            {
                if (command == "QUIT")
                {
                    await client.SendLineAsync(command);
                    break;
                }

                reply = await client.AskAsync(command);
                if (reply[0] > '3')
                {
                    break;
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or System.Net.Sockets.SocketException)
        {
            reply = e is OperationCanceledException ? "(no reply in 30 s)" : "(closed)";
        }

        return (reply, System.Diagnostics.Stopwatch.GetElapsedTime(began));
    }

    public ValueTask DisposeAsync()
    {
        _process.KillHard();
        return _process.DisposeAsync();
    }

    private static readonly string Body = string.Concat(Enumerable.Repeat(new string('h', 70) + "\r\n", 55));

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await using var client = await RawClient.ConnectAsync(Ports.Smtp);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private long OctetsOf(string field)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/smaps_rollup").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
