using System.Diagnostics;
using System.Globalization;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>The clients of docs/clients.md, as Debian packs them; each where it is installed.</summary>
public sealed class DebianClientTests(SharedStack shared) : IDisposable
{
    private readonly TemporaryDirectory _home = new();

    public void Dispose() => _home.Dispose();

    [ToolFact("swaks")]
    public async Task Swaks_ToTheMxPort_IsDelivered()
    {
        var bob = await shared.CreateAccountAsync();

        await RunAsync("swaks", $"--server 127.0.0.1:{Port(shared.Stack.Smtp)} --from you@elsewhere.test --to {bob.Address} --hide-all");

        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 1);
    }

    [ToolFact("swaks")]
    public async Task Swaks_WithStartTlsAndLogin_IsDelivered()
    {
        var (alice, bob) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());

        await RunAsync(
            "swaks",
            $"--server 127.0.0.1:{Port(shared.Stack.Submission)} --tls --tls-ca-path {shared.Stack.CertificateAuthority} --auth PLAIN "
            + $"--auth-user {alice.Address} --auth-password \"{alice.Password}\" --from {alice.Address} --to {bob.Address} --hide-all");

        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 1);
    }

    [ToolFact("curl")]
    public async Task Curl_SendsBySubmissionAndFetchesByPop3s()
    {
        var (alice, bob) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());
        await File.WriteAllTextAsync(
            _home.File("mail"), $"From: {alice.Address}\r\nSubject: From curl\r\n\r\nHello\r\n", TestContext.Current.CancellationToken);

        await RunAsync(
            "curl",
            $"-sS --ssl-reqd --cacert {shared.Stack.CertificateAuthority} smtp://localhost:{Port(shared.Stack.Submission)} "
            + $"--user \"{alice.Address}:{alice.Password}\" --mail-from {alice.Address} --mail-rcpt {bob.Address} -T {_home.File("mail")}");
        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 1);
        var fetched = await RunAsync(
            "curl",
            $"-sS --cacert {shared.Stack.CertificateAuthority} pop3s://localhost:{Port(shared.Stack.Pop3s)}/1 --user "
            + $"\"{bob.Address}:{bob.Password}\"");

        Assert.Contains("Subject: From curl\r\n\r\nHello\r\n", fetched, StringComparison.Ordinal);
    }

    [ToolFact("mpop")]
    public async Task Mpop_ThatKeepsMail_FetchesEachMessageOnce()
    {
        var bob = await WithMailAsync(2);
        var config = await WriteAsync(
            "mpoprc",
            $"""
            account bob
            host localhost
            port {shared.Stack.Pop3s}
            tls on
            tls_starttls off
            tls_trust_file {shared.Stack.CertificateAuthority}
            auth scram-sha-256
            user {bob.Address}
            password {bob.Password}
            delivery mbox {_home.File("mbox")}
            uidls_file {_home.File("uidls")}
            keep on
            """);

        await RunAsync("mpop", $"-C {config} bob");
        await RunAsync("mpop", $"-C {config} bob");

        Assert.Equal(2, Subjects());
        Assert.Equal(2, await MailDialogs.CountAsync(shared.Stack, bob));
    }

    [ToolFact("fetchmail")]
    public async Task Fetchmail_ThatDeletes_EmptiesTheMaildrop()
    {
        var bob = await WithMailAsync(2);
        var config = await WriteAsync(
            "fetchmailrc",
            $"""
            poll localhost service {shared.Stack.Pop3s} protocol POP3 uidl
              user "{bob.Address}" password "{bob.Password}"
              ssl sslcertfile {shared.Stack.CertificateAuthority} sslcertck nokeep fetchall
              mda "cat >> {_home.File("mbox")}"

            """);

        await RunAsync("fetchmail", $"-f {config} --nodetach --idfile {_home.File("ids")} --pidfile {_home.File("pid")}");

        Assert.Equal(2, Subjects());
        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, bob));
    }

    [ToolFact("mutt")]
    public async Task Mutt_SendsWithScram()
    {
        var (alice, bob) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());
        var config = await WriteAsync(
            "muttrc",
            $"""
            set ssl_ca_certificates_file={shared.Stack.CertificateAuthority}
            set ssl_force_tls=yes
            set from={alice.Address}
            set use_from=yes
            set copy=no
            set smtp_url="smtp://{alice.Address.Replace("@", "%40", StringComparison.Ordinal)}@localhost:{shared.Stack.Submission}/"
            set smtp_pass="{alice.Password}"
            set smtp_authenticators="scram-sha-256:plain"
            """);

        await RunAsync("mutt", $"-n -F {config} -s Hello {bob.Address}");

        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 1);
    }

    [ToolFact("getmail")]
    public async Task Getmail_ThatKeepsMail_FetchesEachMessageOnce()
    {
        var bob = await WithMailAsync(2);
        await WriteAsync(
            "getmailrc",
            $"""
            [retriever]
            type = SimplePOP3SSLRetriever
            server = localhost
            port = {shared.Stack.Pop3s}
            username = {bob.Address}
            password = {bob.Password}
            ca_certs = {shared.Stack.CertificateAuthority}

            [destination]
            type = MDA_external
            path = /bin/sh
            arguments = ("-c", "cat >> {_home.File("mbox")}")
            allow_root_commands = true

            [options]
            read_all = false
            delete = false
            """);

        await RunAsync("getmail", $"--getmaildir {_home.Path}");
        await RunAsync("getmail", $"--getmaildir {_home.Path}");

        Assert.Equal(2, Subjects());
        Assert.Equal(2, await MailDialogs.CountAsync(shared.Stack, bob));
    }

    [ToolFact("msmtp")]
    public async Task Msmtp_SendsWithStartTlsAndWithTls()
    {
        var (alice, bob) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());
        foreach (var (port, startTls, mechanism) in ((int, string, string)[])
            [(shared.Stack.Submission, "on", "on"), (shared.Stack.Smtps, "off", "scram-sha-256")])
        {
            var config = await WriteAsync(
                "msmtprc",
                $"""
                account default
                host localhost
                port {port}
                tls on
                tls_starttls {startTls}
                tls_trust_file {shared.Stack.CertificateAuthority}
                auth {mechanism}
                user {alice.Address}
                password {alice.Password}
                from {alice.Address}
                """);
            await RunAsync(
                "msmtp", $"-C {config} {bob.Address}", $"From: {alice.Address}\nTo: {bob.Address}\nSubject: From msmtp\n\nHello\n");
        }

        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 2);
    }

    [ToolFact("s-nail")]
    public async Task SNail_SendsAndReads()
    {
        var (alice, bob) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());
        await WriteAsync(
            "mailrc",
            $"""
            set v15-compat
            set tls-verify=strict tls-ca-file={shared.Stack.CertificateAuthority} tls-ca-no-defaults
            set from={alice.Address}
            set mta=smtps://{Uri.EscapeDataString(alice.Address)}:{Uri.EscapeDataString(alice.Password)}@localhost:{shared.Stack.Smtps}
            set smtp-auth=plain
            """);

        await RunAsync("s-nail", $"-n -s \"From s-nail\" {bob.Address}", "Hello\n");
        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 1);
        var box = $"pop3s://{Uri.EscapeDataString(bob.Address)}:{Uri.EscapeDataString(bob.Password)}@localhost:{shared.Stack.Pop3s}";

        Assert.Contains("From s-nail", await RunAsync("s-nail", $"-n -# -f {box}", "headers\nx\n"), StringComparison.Ordinal);
    }

    /// <summary>GNU SASL binds by tls-exporter (RFC 9266), made by GnuTLS: nothing of ours on its side.</summary>
    [ToolFact("gsasl")]
    public async Task Gsasl_WithChannelBinding_LogsIn()
    {
        var alice = await shared.CreateAccountAsync();

        var said = await RunAsync(
            "gsasl",
            $"--client --smtp --connect=localhost:{Port(shared.Stack.Submission)} --x509-ca-file={shared.Stack.CertificateAuthority} "
            + $"--mechanism=SCRAM-SHA-256-PLUS --authentication-id={alice.Address} --password=\"{alice.Password}\"");

        Assert.Contains("235 2.7.0", said, StringComparison.Ordinal);
    }

    private int Subjects() => File.ReadLines(_home.File("mbox")).Count(l => l.StartsWith("Subject: kept", StringComparison.Ordinal));

    private static string Port(int port) => port.ToString(CultureInfo.InvariantCulture);

    private async Task<AccountJson> WithMailAsync(int messages)
    {
        var bob = await shared.CreateAccountAsync();
        for (var i = 1; i <= messages; i++)
        {
            await MailDialogs.SendAsync(
                shared.Stack.Smtp, bob.Address, System.Text.Encoding.ASCII.GetBytes($"Subject: kept {i}\r\n\r\n{i}\r\n"));
        }

        await MailDialogs.WaitForMailAsync(shared.Stack, bob, messages);
        return bob;
    }

    private Task<string> WriteAsync(string name, string text) => DebianClient.WriteAsync(_home, name, text);

    private Task<string> RunAsync(string program, string arguments, string input = "") =>
        DebianClient.RunAsync(_home, new ProcessStartInfo(program, arguments), input);
}
