using System.Diagnostics;
using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;

namespace MailFunctions.Benchmarks;

/// <summary>From the reply to end-of-data until POP3 shows the message, one message at a time on an idle stack.</summary>
internal static class Latency
{
    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args[1..], new() { ["messages"] = "50" });
        var stack = JsonSerializer.Deserialize<StackJson>(await File.ReadAllBytesAsync(args[0]), JsonSerializerOptions.Web)!;
        var messages = int.Parse(options["messages"], System.Globalization.CultureInfo.InvariantCulture);
        var (address, password) = (stack.Accounts[1].Address, stack.Accounts[1].Password);
        var count = await CountAsync(stack.Pop3, address, password);
        var times = new List<double>();
        for (var i = 0; i < messages + 5; i++)
        {
            await SendAsync(stack.Smtp, address);
            var accepted = Stopwatch.GetTimestamp();
            while (await CountAsync(stack.Pop3, address, password) <= count)
            {
                // The grain is one POP3 session.
            }

            count++;
            if (i >= 5) // the first warm the processes up
            {
                times.Add(Stopwatch.GetElapsedTime(accepted).TotalMilliseconds);
            }

            await Task.Delay(200);
        }

        times.Sort();
        Console.WriteLine(
            $"{times.Count} messages: min {times[0]:0} ms, median {times[times.Count / 2]:0} ms, p90 "
            + $"{times[times.Count * 9 / 10]:0} ms, max {times[^1]:0} ms");
        return 0;
    }

    private static async Task SendAsync(int port, string recipient)
    {
        await using var smtp = await RawClient.ConnectAsync(port);
        await smtp.ReadReplyAsync();
        foreach (var command in (string[])["EHLO bench.test", "MAIL FROM:<bench@elsewhere.test>", $"RCPT TO:<{recipient}>", "DATA"])
        {
            await smtp.AskAsync(command);
        }

        await smtp.SendAsync(Encoding.ASCII.GetBytes($"Subject: Latency\r\n\r\n{new string('x', 70)}\r\n.\r\n"));
        var reply = await smtp.ReadReplyAsync();
        if (!reply.StartsWith("250", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"Not accepted: {reply}");
        }
    }

    private static async Task<int> CountAsync(int port, string address, string password)
    {
        await using var pop3 = await RawClient.ConnectAsync(port);
        await pop3.ReadLineAsync();
        foreach (var command in (string[])[$"USER {address}", $"PASS {password}"])
        {
            await pop3.SendLineAsync(command);
            await pop3.ReadLineAsync();
        }

        await pop3.SendLineAsync("STAT");
        var stat = await pop3.ReadLineAsync() ?? "";
        await pop3.SendLineAsync("QUIT");
        await pop3.ReadLineAsync();
        return stat.StartsWith("+OK ", StringComparison.Ordinal)
            ? int.Parse(stat.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"STAT was answered: {stat}");
    }
}
