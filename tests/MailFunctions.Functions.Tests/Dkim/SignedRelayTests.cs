using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.Functions.Tests.Outbound;
using MailFunctions.TestKit;
using MailFunctions.TestKit.Dkim;
using Xunit;

namespace MailFunctions.Functions.Tests.Dkim;

/// <summary>What another server gets of a signed message, under a verifier that is not ours.</summary>
public sealed class SignedRelayTests
{
    private const string Header = "Received: by us\r\nFrom: alice@example.test\r\nTo: a@one.test\r\nSubject: x\r\n";

    private readonly TestDkim _dkim = new();
    private readonly MemoryStore _store = new();

    [Theory]
    [InlineData("8BITMIME", "8BITMIME PIPELINING")]
    [InlineData("8BITMIME", "PIPELINING")] // encoded anew, and then signed
    [InlineData("8BITMIME", "8BITMIME CHUNKING BINARYMIME")]
    [InlineData("BINARYMIME", "8BITMIME CHUNKING BINARYMIME")]
    [InlineData("BINARYMIME", "8BITMIME")]
    [InlineData(null, "")]
    public async Task Attempt_OwnMail_ArrivesWithSignaturesThatPass(string? body, string extensions)
    {
        await using var mta = new ScriptedMta
        {
            Extensions = [.. extensions.Split(' ', StringSplitOptions.RemoveEmptyEntries), "SIZE 100000000"],
        };
        var text = Header
            + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n.dot  \r\n"
            + (body is null ? "plain" : "äöü") + "\r\n\r\n\r\n";

        Assert.Equal(ResultKind.Relayed, await AttemptAsync(mta, text, body));

        var received = Assert.Single(mta.Messages);
        Assert.Contains($" SIZE={received.Content.Length}", received.Sender + " ", StringComparison.Ordinal);
        await PassesAsync(received.Content);
        Assert.DoesNotContain(
            body is not null && !extensions.Contains("8BIT", StringComparison.Ordinal) ? received.Content : [], o => o > 127);
    }

    [Fact]
    public async Task Attempt_MailThatIsNotKeptInMemory_ArrivesWhole()
    {
        await using var mta = new ScriptedMta();
        var text = Header + "\r\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i} of  many \r\n"));

        Assert.Equal(ResultKind.Relayed, await AttemptAsync(mta, text, "8BITMIME"));

        var content = Assert.Single(mta.Messages).Content;
        Assert.Equal(text, Encoding.ASCII.GetString(content)[^text.Length..]);
        await PassesAsync(content);
    }

    [Fact]
    public async Task Attempt_InternationalMail_ArrivesWithSignaturesThatPass()
    {
        await using var mta = new ScriptedMta();
        var text = "Received: by us\r\nFrom: älice@example.test\r\nTo: böb@one.test\r\nSubject: Grüße\r\n\r\nx\r\n";

        Assert.Equal(ResultKind.Relayed, await AttemptAsync(mta, text, "8BITMIME", international: true));

        await PassesAsync(Assert.Single(mta.Messages).Content);
    }

    [Fact]
    public async Task Attempt_ForwardedMail_LeavesAsItCame()
    {
        await using var mta = new ScriptedMta();
        var text = Header + "\r\nx\r\n";

        Assert.Equal(ResultKind.Relayed, await AttemptAsync(mta, text, "8BITMIME", isOurs: false));

        Assert.Equal(text, Encoding.ASCII.GetString(Assert.Single(mta.Messages).Content));
    }

    [Theory]
    [InlineData("From: alice@elsewhere.test\r\n")]
    [InlineData("Subject: nobody\r\n")]
    [InlineData("From: nobody\r\n")]
    [InlineData("From: alice@example.test\r\nFrom: eve@example.test\r\n")]
    public async Task Attempt_AuthorThatIsNoneOfOurs_LeavesAsItCame(string fields)
    {
        await using var mta = new ScriptedMta();

        Assert.Equal(ResultKind.Relayed, await AttemptAsync(mta, fields + "\r\nx\r\n", null));

        Assert.Equal(fields + "\r\nx\r\n", Encoding.ASCII.GetString(Assert.Single(mta.Messages).Content));
    }

    [Fact]
    public async Task Attempt_KeyStoreAway_DefersAndSendsNothing()
    {
        await using var mta = new ScriptedMta();
        _dkim.Keys.IsAway = true;
        _store.Blobs["m"] = Encoding.ASCII.GetBytes(Header + "\r\nx\r\n");

        var result = Assert.Single(await RunAsync(mta, null, false, true));

        Assert.Equal((ResultKind.Deferred, "4.7.5"), (result.Kind, result.Status));
        Assert.Contains("DKIM keys of example.test", result.Reply, StringComparison.Ordinal);
        Assert.Empty(mta.Messages);
        Assert.DoesNotContain(mta.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
    }

    private async Task PassesAsync(byte[] content)
    {
        var verdicts = Assert.Single(await DkimVerifiers.MailAuthAsync(_dkim.Records(), content));
        Assert.Equal(["rsa-sha256 pass", "ed25519-sha256 pass"], verdicts.Select(v => $"{v.Algorithm} {v.Result}"));
    }

    private async Task<string> AttemptAsync(ScriptedMta mta, string text, string? body, bool international = false, bool isOurs = true)
    {
        _store.Blobs["m"] = Encoding.UTF8.GetBytes(text);
        return Assert.Single(await RunAsync(mta, body, international, isOurs)).Kind;
    }

    private Task<IReadOnlyList<RecipientResult>> RunAsync(ScriptedMta mta, string? body, bool international, bool isOurs)
    {
        var options = new RelayOptions
        {
            HostName = "mail.example.test",
            Routes = [new RelayRoute("*", new RelayHost("127.0.0.1", mta.Port, RelayTls.Opportunistic, null, null))],
        };
        var job = TestDkim.Job(isOurs) with
        {
            Blob = "m",
            Size = _store.Blobs["m"].Length,
            MailFrom = new ReversePath { Address = "alice@example.test", Body = body, SmtpUtf8 = international },
        };
        return TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), _store, signer: _dkim.Signer)
            .AttemptAsync(job, TestContext.Current.CancellationToken);
    }
}
