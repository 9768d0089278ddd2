using System.Net;
using System.Net.Http.Json;
using System.Text;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>The longest password that can be set logs in everywhere; a longer one can't be set.</summary>
public sealed class LongPasswordTests(SharedStack shared)
{
    /// <summary>256 characters of four octets each, none of which SASLprep changes (RFC 4013).</summary>
    private static readonly string Longest = string.Concat(Enumerable.Repeat("\U0001D11E", 256)); // a clef

    [Fact]
    public async Task Longest_LogsInByEveryCommand()
    {
        var alice = await shared.CreateAccountAsync(new { password = Longest }) with { Password = Longest };
        var octets = Encoding.UTF8.GetBytes(Longest);
        var plain = Convert.ToBase64String([0, .. Encoding.ASCII.GetBytes(alice.Address), 0, .. octets]);
        var login = Convert.ToBase64String(octets);

        await using (var pop3 = await RawClient.ConnectAsync(shared.Stack.Pop3))
        {
            await pop3.ReadLineAsync();
            await pop3.SendLineAsync($"USER {alice.Address}");
            Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
            await pop3.SendAsync((byte[])[.. "PASS "u8, .. octets, .. "\r\n"u8]);
            Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
            await pop3.SendLineAsync("QUIT");
            await pop3.ReadLineAsync();
        }

        await using (var pop3 = await RawClient.ConnectAsync(shared.Stack.Pop3))
        {
            await pop3.ReadLineAsync();
            await pop3.SendLineAsync("AUTH PLAIN");
            await pop3.ReadLineAsync();
            await pop3.SendLineAsync(plain);
            Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
        }

        var name = Convert.ToBase64String(Encoding.ASCII.GetBytes(alice.Address));
        foreach (var lines in (string[][])[[$"AUTH PLAIN {plain}"], ["AUTH PLAIN", plain], ["AUTH LOGIN", name, login]])
        {
            await using var smtp = await RawClient.ConnectAsync(shared.Stack.Submission);
            await smtp.ReadReplyAsync();
            await smtp.AskAsync("EHLO client.elsewhere.test");
            var reply = "";
            foreach (var line in lines)
            {
                reply = await smtp.AskAsync(line);
            }

            Assert.StartsWith("235", reply, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task OneCharacterMore_CannotBeSet()
    {
        using var answer = await shared.Admin.PutAsJsonAsync(
            "accounts/toolong@example.test", new { password = Longest + "\U0001D11E" }, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }
}
