using System.Text;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Tests.Fakes;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>Who is let in, and what the others are told, on real sockets.</summary>
public sealed class AdmissionTests
{
    private const string Wrong = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdAB3cm9uZw==";

    [Theory]
    [InlineData("Edge:MaxConnections=2")]
    [InlineData("Edge:MaxConnectionsPerClient=2")]
    public async Task Connect_CapReached_Gets421AndAPlaceWhenOneLeaves(string cap)
    {
        await using var edge = await RunningEdge.StartAsync(cap);
        await using var first = await EdgeClient.ConnectAsync(edge.Smtp);
        await first.ReadReplyAsync();
        await using var second = await EdgeClient.ConnectAsync(edge.Pop3);
        await second.ReadLineAsync();

        await using var third = await EdgeClient.ConnectAsync(edge.Submission);
        Assert.StartsWith("421 4.7.0", await third.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Null(await third.ReadLineAsync());
        await using var overTls = await EdgeClient.ConnectAsync(edge.Smtps, tls: true);
        Assert.StartsWith("421 4.7.0", await overTls.ReadReplyAsync(), StringComparison.Ordinal);
        await using var pop = await EdgeClient.ConnectAsync(edge.Pop3);
        Assert.StartsWith("-ERR [SYS/TEMP]", await pop.ReadLineAsync(), StringComparison.Ordinal);

        await first.AskAsync("QUIT");
        while (edge.Open > 1)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        await using var again = await EdgeClient.ConnectAsync(edge.Smtp);
        Assert.StartsWith("220 ", await again.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_ManyWithoutAHandshake_HoldPlacesOfTheCap()
    {
        await using var edge = await RunningEdge.StartAsync("Edge:MaxConnectionsPerClient=3");
        var silent = new List<EdgeClient>();
        for (var i = 0; i < 3 + ConnectionLimits.MaxRefusals; i++)
        {
            silent.Add(await EdgeClient.ConnectAsync(edge.Smtps)); // no handshake
        }

        while (edge.Open < 3)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        // The caps and the refusals under way are full of them: the next is cut off, and does not wait.
        var closed = 0;
        for (var i = 0; i < 200 && closed == 0; i++)
        {
            await using var next = await EdgeClient.ConnectAsync(edge.Smtp);
            closed += await next.ReadReplyAsync() == "" ? 1 : 0;
        }

        Assert.Equal(1, closed);
        Assert.Equal(3, edge.Open);
        foreach (var client in silent)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Login_FailuresOverSmtp_ThrottlePop3Too()
    {
        await using var edge = await RunningEdge.StartAsync(
            "Edge:AllowPlaintextCredentials=true", "Login:FreeFailuresPerAccount=2", "Login:FailureDelay=00:00:00",
            "Login:MaxDelay=01:00:00");
        await using var smtp = await EdgeClient.ConnectAsync(edge.Submission);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.test");
        for (var i = 0; i < 8; i++)
        {
            edge.Throttle.RecordFailure(System.Net.IPAddress.Parse("192.0.2.9"), "alice@example.test");
        }

        Assert.StartsWith("421 4.7.0", await smtp.AskAsync(Wrong), StringComparison.Ordinal);
        Assert.Null(await smtp.ReadLineAsync());
        await using var pop = await EdgeClient.ConnectAsync(edge.Pop3);
        await pop.ReadLineAsync();
        await pop.AskAsync("USER alice@example.test");
        Assert.StartsWith("-ERR [LOGIN-DELAY]", await pop.AskAsync("PASS " + TestDirectory.Password), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_AnyOutcome_NothingSecretIsLogged()
    {
        await using var edge = await RunningEdge.StartAsync("Edge:AllowPlaintextCredentials=true", "Login:FailureDelay=00:00:00");
        await using var smtp = await EdgeClient.ConnectAsync(edge.Submission);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.test");
        Assert.StartsWith("535 5.7.8", await smtp.AskAsync("AUTH PLAIN " + Plain("s3cret-wrong")), StringComparison.Ordinal);
        Assert.StartsWith("334", await smtp.AskAsync("AUTH LOGIN"), StringComparison.Ordinal);
        Assert.StartsWith("334", await smtp.AskAsync(Base64("s3cret-name")), StringComparison.Ordinal);
        Assert.StartsWith("535", await smtp.AskAsync(Base64("s3cret-wrong")), StringComparison.Ordinal);
        Assert.StartsWith("500", await smtp.AskAsync("s3cret-typed-as-a-command"), StringComparison.Ordinal);
        Assert.StartsWith("235", await smtp.AskAsync("AUTH PLAIN " + Plain(TestDirectory.Password)), StringComparison.Ordinal);
        Assert.StartsWith("250 2.6.0", await smtp.SendMessageAsync("alice@example.test"), StringComparison.Ordinal);
        await using var pop = await EdgeClient.ConnectAsync(edge.Pop3);
        await pop.ReadLineAsync();
        await pop.AskAsync("USER alice@example.test");
        await pop.AskAsync("PASS s3cret-wrong");

        Assert.Contains(edge.Log.Lines, l => l.Contains("refused: alice@example.test", StringComparison.Ordinal));
        string[] never =
            [
                "s3cret", TestDirectory.Password, Base64("s3cret-wrong"), Plain("s3cret-wrong"), Plain(TestDirectory.Password),
                "Subject: hello"];
        Assert.All(edge.Log.Lines, line => Assert.All(never, secret => Assert.DoesNotContain(secret, line, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Mail_RatesOfClientAndAccountUsedUp_Gets450()
    {
        await using var edge = await RunningEdge.StartAsync(
            "Edge:AllowPlaintextCredentials=true", "Rates:MessagesPerClient=1", "Rates:MessagesPerAccount=1",
            "Rates:RecipientsPerClient=2");
        await using var mx = await EdgeClient.ConnectAsync(edge.Smtp);
        await mx.ReadReplyAsync();
        await mx.AskAsync("EHLO client.test");
        Assert.StartsWith("250 2.6.0", await mx.SendMessageAsync(), StringComparison.Ordinal);
        Assert.StartsWith("450 4.7.1", await mx.SendMessageAsync(), StringComparison.Ordinal);

        await using var submission = await EdgeClient.ConnectAsync(edge.Submission);
        await submission.ReadReplyAsync();
        await submission.AskAsync("EHLO client.test");
        await submission.AskAsync("AUTH PLAIN " + Plain(TestDirectory.Password));
        Assert.StartsWith("250 2.6.0", await submission.SendMessageAsync("alice@example.test"), StringComparison.Ordinal);
        Assert.StartsWith("450 4.7.1", await submission.SendMessageAsync("alice@example.test"), StringComparison.Ordinal);
    }

    private static string Plain(string password) => Base64($"\0alice@example.test\0{password}");

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
