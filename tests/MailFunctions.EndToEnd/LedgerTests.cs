using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>
/// The promise of the design (§1) while processes die: every message that was answered with 250 is in its mailbox exactly
/// once, octet for octet, and no later than the lock of the bus and some seconds after the end of any one. Azurite is asked to
/// end and not killed: it saves its metadata every few seconds only, which is the emulator's nature and not the system's.
/// </summary>
public sealed class LedgerTests
{
    private const int Sessions = 6;
    /// <summary>Milliseconds: slow enough that a busy machine delivers them as they come, and what is late is late by a fault.</summary>
    private const int MostBetweenMessages = 1000;

    private static readonly TimeSpan BetweenFaults = TimeSpan.FromSeconds(2);

    /// <summary>How long a crashed receiver's messages stay hidden; in Azure, and here by default, a minute.</summary>
    private static readonly TimeSpan Lock =
        TimeSpan.Parse(Environment.GetEnvironmentVariable(LockVariable) ?? "00:00:10", CultureInfo.InvariantCulture);

    /// <summary>
    /// The promise: after the end of any one process everything acknowledged is in its mailbox within this, with a lock of a minute.
    /// </summary>
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(90);

    private const string LockVariable = "LOCAL_BUS_LOCK_DURATION";

    [Fact]
    public async Task EveryProcessEndsOnce_WhileSessionsSend_NothingIsLostOrDoubled_AndAllIsThereInTime()
    {
        await using var process =
            await StackProcess.StartAsync(environment: new Dictionary<string, string?> { [LockVariable] = Lock.ToString() });
        var stack = process.Read();
        using var admin = SharedStack.AdminClient(stack);
        var acknowledged = new ConcurrentDictionary<string, byte[]>();
        using var stopping = new CancellationTokenSource();
        var sending = Enumerable.Range(0, Sessions).Select(i => SendAsync(stack, i, acknowledged, stopping.Token)).ToList();
        var maildrop = new LedgerMaildrop(stack, admin);

        foreach (var name in (string[])["edge", "functions", "host", "bus", "azurite"])
        {
            await Task.Delay(BetweenFaults, TestContext.Current.CancellationToken);
            var id = process.Read().Processes[name];
            var killed = Stopwatch.GetTimestamp();
            if (name == "azurite")
            {
                ProgramProcess.Terminate(id);
            }
            else
            {
                ProgramProcess.KillHard(id);
            }

            var before = acknowledged.Keys.ToList();
            await process.WaitForNewProcessAsync(name, id);
            var missing = await maildrop.WaitForAsync(before, Promise - Stopwatch.GetElapsedTime(killed));

            Assert.True(
                missing.Count == 0,
                $"{Promise} after the end of {name} {missing.Count} of {before.Count} acknowledged messages are not there: "
                + $"{string.Join(' ', missing.Take(10))}");
            TestContext.Current.SendDiagnosticMessage(
                $"{name}: all {before.Count} there {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s after its end");
        }

        await Task.Delay(BetweenFaults, TestContext.Current.CancellationToken);
        await stopping.CancelAsync();
        await Task.WhenAll(sending);
        Assert.True(
            acknowledged.Count > 100, $"Only {acknowledged.Count} messages were acknowledged: that is too little to show anything.");

        Assert.Empty(await maildrop.WaitForAsync([.. acknowledged.Keys], Promise));
        await Task.Delay(TimeSpan.FromSeconds(6), TestContext.Current.CancellationToken); // a doubled delivery would show up now
        var found = await RetrieveAllAsync(stack);

        Assert.All(acknowledged, message =>
        {
            var copies = found.GetValueOrDefault(message.Key, []);
            Assert.True(copies.Count == 1, $"{message.Key} is there {copies.Count} times.");
            Assert.True(message.Value.AsSpan().SequenceEqual(copies[0]), $"{message.Key} came back changed.");
        });
        Assert.All(found, message => Assert.Single(message.Value)); // what got no 250 may be there, but not twice either
    }

    /// <summary>Sends message after message until stopped; each try has an id of its own.</summary>
    private static async Task SendAsync(
        StackJson stack, int session, ConcurrentDictionary<string, byte[]> acknowledged, CancellationToken stopping)
    {
        var random = new Random(session);
        RawClient? smtp = null;
        for (var n = 0; !stopping.IsCancellationRequested; n++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"m-{session}-{n}");
            var content = Content(id, random.Next(200, 20_000));
            try
            {
                smtp ??= await ConnectAsync(stack.Smtp);
                await smtp.AskAsync("MAIL FROM:<sender@elsewhere.test>");
                await smtp.AskAsync($"RCPT TO:<{stack.Bob.Address}>");
                if ((await smtp.AskAsync("DATA")).StartsWith("354", StringComparison.Ordinal))
                {
                    await smtp.SendAsync((byte[])[.. content, .. ".\r\n"u8]);
                    if ((await smtp.ReadReplyAsync()).StartsWith("250", StringComparison.Ordinal))
                    {
                        acknowledged[id] = content;
                    }
                }
                else
                {
                    await smtp.AskAsync("RSET");
                }
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or OperationCanceledException)
            {
                if (smtp is not null)
                {
                    await smtp.DisposeAsync();
                    smtp = null;
                }

                await Task.Delay(100, CancellationToken.None);
            }

            await Task.Delay(random.Next(MostBetweenMessages), CancellationToken.None);
        }

        if (smtp is not null)
        {
            await smtp.DisposeAsync();
        }
    }

    private static async Task<RawClient> ConnectAsync(int port)
    {
        var smtp = await RawClient.ConnectAsync(port);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.elsewhere.test");
        return smtp;
    }

    private static byte[] Content(string id, int octets)
    {
        var text = new StringBuilder($"X-Id: {id}\r\nSubject: {id}\r\n\r\n");
        while (text.Length < octets)
        {
            text.Append(Convert.ToBase64String(RandomNumberGenerator.GetBytes(54))).Append("\r\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static async Task<Dictionary<string, List<byte[]>>> RetrieveAllAsync(StackJson stack)
    {
        var found = new Dictionary<string, List<byte[]>>();
        await using var pop3 = await MailDialogs.LogInAsync(stack, stack.Bob);
        await pop3.SendLineAsync("STAT");
        var count = int.Parse((await pop3.ReadLineAsync())!.Split(' ')[1], CultureInfo.InvariantCulture);
        for (var number = 1; number <= count; number++)
        {
            await pop3.SendLineAsync($"RETR {number}");
            Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
            var content = MailDialogs.WithoutOwnFields(await pop3.ReadMultiLineAsync());
            var id = Encoding.ASCII.GetString(content, 6, Array.IndexOf(content, (byte)'\r') - 6);
            if (!found.TryGetValue(id, out var copies))
            {
                found.Add(id, copies = []);
            }

            copies.Add(content);
        }

        await pop3.SendLineAsync("QUIT");
        await pop3.ReadLineAsync();
        return found;
    }
}
