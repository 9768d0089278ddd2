using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>
/// Mail that was made to look like answers of a POP3 server, by every way in, in front of clients that take a bare LF for a
/// line end (RFC 1939 §3): they see what is there, and nothing else.
/// </summary>
public sealed class HostileMailTests(SharedStack shared) : IDisposable
{
    /// <summary>The end of a message, and behind it a server that answers DELE and RETR with mail of its own.</summary>
    private const string Forgery =
        "hello\n.\n+OK\n+OK 2 99\n+OK 99 octets\nFrom: chief@bank.example\nSubject: forged\n\nPay.\n.\n"
        + "+OK\n+OK 99 octets\nSubject: forged too\n\nPay more.\n.\n+OK\n+OK\n";

    private static readonly string[] Expected = ["honest", "imported", "imported from a file", "old with CR", "old with LF"];

    private readonly TemporaryDirectory _home = new();

    public void Dispose() => _home.Dispose();

    [Theory]
    [InlineData("MAIL FROM:<x@elsewhere.test> BODY=BINARYMIME", "501 5.5.4")]
    [InlineData("MAIL FROM:<x@elsewhere.test>", "550 5.6.0")]
    public async Task Bdat_WithBareLineBreaks_IsRefused(string mail, string expected)
    {
        var bob = await shared.CreateAccountAsync();
        var content = "Subject: evil\r\n\r\n" + Forgery;
        await using var smtp = await RawClient.ConnectAsync(shared.Stack.Smtp);
        await smtp.ReadReplyAsync();
        Assert.DoesNotContain("BINARYMIME", await smtp.AskAsync("EHLO client.elsewhere.test"), StringComparison.Ordinal);

        var replies = new List<string> { await smtp.AskAsync(mail), await smtp.AskAsync($"RCPT TO:<{bob.Address}>") };
        await smtp.SendAsync(Encoding.ASCII.GetBytes($"BDAT {content.Length} LAST\r\n{content}"));
        replies.Add(await smtp.ReadReplyAsync());

        Assert.StartsWith(expected, replies.First(r => r[0] == '5'), StringComparison.Ordinal);
        Assert.StartsWith("5", replies[^1], StringComparison.Ordinal);
        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, bob));
    }

    [ToolFact("fetchmail")]
    public async Task Fetchmail_OverHostileMail_StoresAndDeletesWhatIsThere()
    {
        var bob = await WithHostileMailAsync();
        var config = await DebianClient.WriteAsync(
            _home,
            "fetchmailrc",
            $"""
            poll localhost service {shared.Stack.Pop3s} protocol POP3 uidl
              user "{bob.Address}" password "{bob.Password}"
              ssl sslcertfile {shared.Stack.CertificateAuthority} sslcertck nokeep fetchall
              mda "cat > $(mktemp {Mail()}/XXXXXXXX)"

            """);

        await DebianClient.RunAsync(
            _home, "fetchmail", $"-f {config} --nodetach --idfile {_home.File("ids")} --pidfile {_home.File("pid")}");

        Assert.Equal(Expected, Subjects(Directory.EnumerateFiles(Mail()).Select(File.ReadAllText)));
        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, bob));
    }

    [ToolFact("mpop")]
    public async Task Mpop_OverHostileMail_StoresAndDeletesWhatIsThere()
    {
        var bob = await WithHostileMailAsync();
        foreach (var folder in (string[])["cur", "new", "tmp"])
        {
            Directory.CreateDirectory(Path.Combine(Mail(), folder));
        }

        var config = await DebianClient.WriteAsync(
            _home,
            "mpoprc",
            $"""
            account bob
            host localhost
            port {shared.Stack.Pop3s}
            tls on
            tls_starttls off
            tls_trust_file {shared.Stack.CertificateAuthority}
            auth user
            user {bob.Address}
            password {bob.Password}
            delivery maildir {Mail()}
            uidls_file {_home.File("uidls")}
            keep off
            """);

        await DebianClient.RunAsync(_home, "mpop", $"-C {config} bob");

        Assert.Equal(Expected, Subjects(Directory.EnumerateFiles(Path.Combine(Mail(), "new")).Select(File.ReadAllText)));
        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, bob));
    }

    [ToolFact("python3")]
    public async Task Poplib_OverHostileMail_SeesWhatIsThere()
    {
        const string Program = """
            import json, poplib, sys
            pop = poplib.POP3('127.0.0.1', int(sys.argv[1]))
            pop.user(sys.argv[2]); pop.pass_(sys.argv[3])
            count = pop.stat()[0]
            seen = ['\n'.join(line.decode('latin-1') for line in pop.retr(n + 1)[1]) for n in range(count)]
            tops = ['\n'.join(line.decode('latin-1') for line in pop.top(n + 1, 9999)[1]) for n in range(count)]
            assert pop.stat()[0] == count and len(pop.list()[1]) == count and pop.noop() == b'+OK' and seen == tops
            pop.quit()
            json.dump(seen, sys.stdout)
            """;
        var bob = await WithHostileMailAsync();

        var port = shared.Stack.Pop3.ToString(CultureInfo.InvariantCulture);

        var seen =
            await DebianClient.RunAsync(
                _home, new ProcessStartInfo(OptionalTool.PathOf("python3"), ["-c", Program, port, bob.Address, bob.Password]));

        Assert.Equal(Expected, Subjects(JsonSerializer.Deserialize<string[]>(seen)!));
    }

    private string Mail() => Directory.CreateDirectory(_home.File("mail")).FullName;

    /// <summary>Of each message the first Subject, which is its header's.</summary>
    private static IEnumerable<string> Subjects(IEnumerable<string> messages) => messages
        .Select(m => m.Split('\n').First(l => l.StartsWith("Subject: ", StringComparison.Ordinal)))
        .Select(l => l["Subject: ".Length..].TrimEnd('\r')).Order(StringComparer.Ordinal);

    private async Task<AccountJson> WithHostileMailAsync()
    {
        var bob = await shared.CreateAccountAsync();
        await ImportAsync(bob, "message/rfc822", "From: x@elsewhere.test\r\nSubject: imported\r\n\r\n" + Forgery);
        await ImportAsync(
            bob,
            "application/mbox",
            "From x@y Thu Jan  1 00:00:00 2026\nFrom: x@elsewhere.test\r\nSubject: imported from a file\r\n\r\n" + Forgery);
        await ImportOldAsync(bob, "Subject: old with LF\r\n\r\n" + Forgery);
        await ImportOldAsync(bob, "Subject: old with CR\r\n\r\n" + Forgery.Replace('\n', '\r'));
        var reply = await MailDialogs.SendAsync(shared.Stack.Smtp, bob.Address, "Subject: honest\r\n\r\nHello.\r\n"u8.ToArray());
        Assert.StartsWith("250", reply, StringComparison.Ordinal);
        await MailDialogs.WaitForMailAsync(shared.Stack, bob, Expected.Length);
        return bob;
    }

    private async Task ImportAsync(AccountJson account, string type, string content)
    {
        using var body = new ByteArrayContent(Encoding.Latin1.GetBytes(content));
        body.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var answer = await shared.Admin.PostAsync($"accounts/{account.Address}/import", body, TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>
    /// A message as versions stored it that took such content. Nothing takes it any more, so its octets are changed where
    /// storage keeps them.
    /// </summary>
    private async Task ImportOldAsync(AccountJson account, string content)
    {
        var header = $"X-Marker: {Guid.NewGuid():N}\r\nFrom: x@elsewhere.test\r\n";
        var wanted = Encoding.Latin1.GetBytes(header + content);
        var body = wanted.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
        var imported = wanted.ToArray();
        imported.AsSpan(body).Replace((byte)'\n', (byte)1);
        imported.AsSpan(body).Replace((byte)'\r', (byte)2);
        await ImportAsync(account, "message/rfc822", Encoding.Latin1.GetString(imported));

        var changed = 0;
        var files = Directory.EnumerateFiles(Path.Combine(shared.Data, "azurite"), "*", SearchOption.AllDirectories);
        foreach (var file in files)
        {
            await using var octets = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            var all = new byte[octets.Length];
            await octets.ReadExactlyAsync(all, TestContext.Current.CancellationToken);
            if (all.AsSpan().IndexOf(imported) is >= 0 and var at)
            {
                octets.Position = at;
                await octets.WriteAsync(wanted, TestContext.Current.CancellationToken);
                changed++;
            }
        }

        Assert.Equal(1, changed);
    }
}
