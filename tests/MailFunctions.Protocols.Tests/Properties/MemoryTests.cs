using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Tests.Harness;
using Xunit;

namespace MailFunctions.Protocols.Tests.Properties;

/// <summary>What sessions hold and allocate, by the count of the garbage collector.</summary>
[Collection(MeasuredAlone.Name)]
public sealed class MemoryTests
{
    /// <summary>The same session fed for ever holds no more than one fed once.</summary>
    [Fact]
    public async Task Smtp_MuchOfTheSame_HoldsNoMemory()
    {
        var message = Encoding.ASCII.GetBytes(
            $"MAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: x\r\n\r\n{new string('x', 60_000)}\r\n.\r\n");
        var server = new TestServer { KeepsContent = false };
        var held = new List<long>();
        await Session.RunAsync(server, ListenerKind.Mx, Pieces());

        Assert.Equal(2000, server.Accepted.Count);
        Assert.True(
            held[1] - held[0] < 2 * 1024 * 1024, $"{held[1] - held[0]} octets more are held after 120 MB of messages than after 12 MB");

        IEnumerable<byte[]> Pieces()
        {
            yield return "EHLO client.test\r\n"u8.ToArray();
            for (var i = 1; i <= 2000; i++)
            {
                yield return message;
                if (i is 200 or 2000)
                {
                    held.Add(GC.GetTotalMemory(forceFullCollection: true));
                }
            }
        }
    }

    /// <summary>
    /// A longer message passes through the same pooled buffers: what a message costs does not grow with it (the pipes of the test wait more
    /// often, and so allocate a little).
    /// </summary>
    [Fact]
    public async Task Smtp_LongerMessages_AllocateNoMore()
    {
        await AllocatedByAMessageAsync(1024); // what only the first session pays

        var small = await AllocatedByAMessageAsync(1024);
        var large = await AllocatedByAMessageAsync(32 * 1024);

        Assert.True(large - small < 4 * 1024, $"a message of 1 KiB allocates {small} octets, one of 32 KiB {large}");
    }

    /// <summary>16 octets a message: its UID and its size (and what the reader of the test holds).</summary>
    [Fact]
    public async Task Pop3_ListOfAHundredThousandMessages_HoldsSixteenOctetsEach()
    {
        const int Messages = 100_000;
        var server = new TestServer();
        for (var uid = 1u; uid <= Messages; uid++)
        {
            server.Maildrop.Messages.Add(uid, null);
        }

        var connection = new MemoryConnection();
        var session = server.RunPop3Async(connection, plaintextLogin: true);
        await connection.SendAsync($"USER alice@example.test\r\nPASS {TestServer.Password}\r\nSTAT\r\nUIDL\r\nLIST\r\n");
        var reader = new StreamReader(connection.Client, Encoding.ASCII);
        Assert.StartsWith("+OK", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(
            ["+OK Send PASS", $"+OK {Messages} messages ({Messages}00 octets)", $"+OK {Messages} {Messages}00", $"+OK {Messages} messages"],
            [await NextAsync(), await NextAsync(), await NextAsync(), await NextAsync()]);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var number = 1; number <= Messages; number++)
        {
            Assert.Equal($"{number} u1.{number}", await NextAsync());
        }

        Assert.Equal(".", await NextAsync());
        Assert.Equal($"+OK {Messages} messages", await NextAsync());
        for (var number = 1; number <= Messages; number++)
        {
            Assert.Equal($"{number} 100", await NextAsync());
        }

        Assert.Equal(".", await NextAsync());
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        await connection.SendAsync("QUIT\r\n");
        await session;

        Assert.True(held < 4 * 1024 * 1024, $"The session holds {held} octets for its list.");

        async Task<string?> NextAsync() => await reader.ReadLineAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<long> AllocatedByAMessageAsync(int octets)
    {
        const int Messages = 500;
        var lines = string.Concat(Enumerable.Repeat($"{new string('x', 62)}\r\n", octets / 64));
        var message =
            Encoding.ASCII.GetBytes(
                $"MAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: x\r\n\r\n{lines}.\r\n");
        var server = new TestServer { KeepsContent = false };
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await Session.RunAsync(
            server, ListenerKind.Mx, [.. Enumerable.Repeat(message, Messages).Prepend("EHLO client.test\r\n"u8.ToArray())]);
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;

        Assert.Equal(Messages, server.Accepted.Count);
        return allocated / Messages;
    }
}
