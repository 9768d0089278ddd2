using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>
/// Sessions that are open when the postmaster disables, changes, revokes or deletes: they end as soon as the directory's cache is past it.
/// </summary>
public sealed class EndedLoginTests
{
    private const string Alice = "alice@example.test";
    private const string AppPassword = "abcdefghijkmnpqrstuv";

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(21);

    public static TheoryData<string, string> Ends => new()
    {
        { "disabled", TestDirectory.Password },
        { "password changed", TestDirectory.Password },
        { "app password revoked", AppPassword },
        { "deleted", TestDirectory.Password },
        { "made again", TestDirectory.Password },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task OpenSessions_WithinTheBound_DoNothingMore(string what, string password)
    {
        var time = new ManualTime();
        await using var edge = await RunningEdge.StartAsync(time);
        var account = WithAppPassword(edge.Directory);
        await using var pop3 = await Pop3Async(edge, password);
        await using var smtp = await SubmissionAsync(edge, password);
        Assert.StartsWith("250", await smtp.AskAsync($"MAIL FROM:<{Alice}>"), StringComparison.Ordinal);
        await smtp.AskAsync("RSET");

        Change(edge.Directory, account, what);
        time.Advance(Bound);

        await pop3.SendAsync("STAT\r\n");
        Assert.StartsWith("-ERR [AUTH]", await pop3.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Null(await pop3.ReadLineAsync());
        Assert.StartsWith("421 4.7.0", await smtp.AskAsync($"MAIL FROM:<{Alice}>"), StringComparison.Ordinal);
    }

    /// <summary>What else changes of the account does not matter, nor does another of its passwords.</summary>
    [Fact]
    public async Task OpenSessions_TheirOwnPasswordStays_GoOn()
    {
        var time = new ManualTime();
        await using var edge = await RunningEdge.StartAsync(time);
        var account = WithAppPassword(edge.Directory);
        await using var pop3 = await Pop3Async(edge, TestDirectory.Password);
        await using var smtp = await SubmissionAsync(edge, AppPassword);

        edge.Directory.Put(account with { DisplayName = "Alice" });
        time.Advance(Bound);

        await pop3.SendAsync("STAT\r\n");
        Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"MAIL FROM:<{Alice}>"), StringComparison.Ordinal);
    }

    private static AccountEntry WithAppPassword(TestDirectory directory) => directory.AddAccount(
        Alice, a => a with { AppPasswords = [new AppPassword("1", "phone", ScramVerifier.Create(AppPassword, 4096), default)] });

    private static void Change(TestDirectory directory, AccountEntry account, string what)
    {
        switch (what)
        {
            case "deleted":
                directory.Remove(Alice);
                break;
            default:
                directory.Put(what switch
                {
                    "disabled" => account with { Enabled = false },
                    "password changed" => account with { Password = ScramVerifier.Create(TestDirectory.Password, 4096) },
                    "app password revoked" => account with { AppPasswords = [] },
                    _ => account with { MailboxId = "another" },
                });
                break;
        }
    }

    private static async Task<EdgeClient> Pop3Async(RunningEdge edge, string password)
    {
        var session = await EdgeClient.ConnectAsync(edge.Pop3s, tls: true);
        await session.ReadLineAsync();
        foreach (var command in (string[])[$"USER {Alice}", $"PASS {password}"])
        {
            await session.SendAsync(command + "\r\n");
            Assert.StartsWith("+OK", await session.ReadLineAsync(), StringComparison.Ordinal);
        }

        return session;
    }

    private static async Task<EdgeClient> SubmissionAsync(RunningEdge edge, string password)
    {
        var session = await EdgeClient.ConnectAsync(edge.Smtps, tls: true);
        await session.ReadReplyAsync();
        await session.AskAsync("EHLO client.test");
        var plain = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{Alice}\0{password}"));
        Assert.StartsWith("235", await session.AskAsync("AUTH PLAIN " + plain), StringComparison.Ordinal);
        return session;
    }
}
