using System.Globalization;
using System.Text;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>An edge that is killed with two sessions at their worst moment: one in the middle of RETR, one in its UPDATE state.</summary>
public sealed class KilledEdgeTests
{
    private const int Small = 120;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>One end of the edge for both: the locks that it leaves run out by themselves, after a minute.</summary>
    [Fact]
    public async Task Edge_KilledDuringRetrAndDuringQuit_LosesNothingAndFreesTheMaildrops()
    {
        await using var process = await StackProcess.StartAsync();
        var stack = process.Read();
        var large =
            Encoding.ASCII.GetBytes("Subject: large\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 150_000)));
        Assert.StartsWith("250", await MailDialogs.SendAsync(stack.Smtp, stack.Bob.Address, large), StringComparison.Ordinal);
        await MailDialogs.WaitForMailAsync(stack, stack.Bob, 1);
        await MaildropTests.SendAsync(stack, stack.Bob, "marked");
        await MaildropTests.SendAsync(stack, stack.Alice, [.. Enumerable.Range(1, Small).Select(i => $"{i}")]);

        await using (var retrieving = await MailDialogs.LogInAsync(stack, stack.Bob))
        await using (var leaving = await MailDialogs.LogInAsync(stack, stack.Alice))
        {
            await AskAsync(retrieving, "DELE 2");
            for (var number = 1; number <= Small; number++)
            {
                await AskAsync(leaving, $"DELE {number}");
            }

            await AskAsync(retrieving, "RETR 1");
            await leaving.SendLineAsync("QUIT");
            await Task.Delay(20, Token);
            await KillEdgeAsync(process);
        }

        await AssertNothingWasDeletedAsync(stack, stack.Bob, large);
        await AssertWholeTransactionsWereDeletedAsync(stack, stack.Alice);
    }

    private static async Task AssertNothingWasDeletedAsync(StackJson stack, AccountJson account, byte[] large)
    {
        await using var pop3 = await LogInWhenFreeAsync(stack, account);
        await pop3.SendLineAsync("STAT");
        Assert.StartsWith("+OK 2 ", await pop3.ReadLineAsync(), StringComparison.Ordinal); // a broken session deletes nothing
        await AskAsync(pop3, "RETR 1");
        Assert.Equal(large, MailDialogs.WithoutOwnFields(await pop3.ReadMultiLineAsync()));
    }

    private static async Task AssertWholeTransactionsWereDeletedAsync(StackJson stack, AccountJson account)
    {
        await using var pop3 = await LogInWhenFreeAsync(stack, account);
        await pop3.SendLineAsync("STAT");
        var stat = (await pop3.ReadLineAsync())!.Split(' ');
        await AskAsync(pop3, "LIST");
        var sizes = Encoding.ASCII.GetString(await pop3.ReadMultiLineAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(l => long.Parse(l.Split(' ')[1], CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(stat[1], $"{sizes.Count}");
        Assert.Equal(stat[2], $"{sizes.Sum()}");
        Assert.Contains(Small - sizes.Count, (int[])[0, 49, 98, Small]);
    }

    private static async Task AskAsync(RawClient pop3, string command)
    {
        await pop3.SendLineAsync(command);
        Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
    }

    private static async Task KillEdgeAsync(StackProcess process)
    {
        var edge = process.Read().Processes["edge"];
        ProgramProcess.KillHard(edge);
        await process.WaitForNewProcessAsync("edge", edge);
    }

    /// <summary>The lock of the killed edge runs out after 60 s at most.</summary>
    private static async Task<RawClient> LogInWhenFreeAsync(StackJson stack, AccountJson account)
    {
        for (var i = 0; i < 150; i++)
        {
            try
            {
                var pop3 = await RawClient.ConnectAsync(stack.Pop3);
                await pop3.ReadLineAsync();
                await pop3.SendLineAsync($"USER {account.Address}");
                await pop3.ReadLineAsync();
                await pop3.SendLineAsync($"PASS {account.Password}");
                var reply = await pop3.ReadLineAsync();
                if (reply?.StartsWith("+OK", StringComparison.Ordinal) == true)
                {
                    return pop3;
                }

                Assert.StartsWith("-ERR [IN-USE]", reply, StringComparison.Ordinal);
                await pop3.DisposeAsync();
            }
            catch (System.Net.Sockets.SocketException)
            {
                // The edge is being started again.
            }

            await Task.Delay(500, Token);
        }

        Assert.Fail("The lock did not run out.");
        return null;
    }
}
