using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.TestKit;
using MailKit;
using MailKit.Net.Pop3;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>MailKit as the mail client: every way in and out that the clients of people use.</summary>
public sealed class ClientTests(SharedStack shared)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, SecureSocketOptions.StartTls)]
    [InlineData(false, SecureSocketOptions.SslOnConnect)]
    public async Task Submit_OverTls_ReachesTheRecipientsMaildrop(bool submission, SecureSocketOptions security)
    {
        var (sender, recipient) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());
        using var smtp = NewSmtp();
        await smtp.ConnectAsync("127.0.0.1", submission ? shared.Stack.Submission : shared.Stack.Smtps, security, Token);
        Assert.True(smtp.Capabilities.HasFlag(
            SmtpCapabilities.Chunking | SmtpCapabilities.Pipelining | SmtpCapabilities.Size | SmtpCapabilities.UTF8));
        await smtp.AuthenticateAsync(sender.Address, sender.Password, Token);
        await smtp.SendAsync(Message(sender, recipient, "over TLS"), Token);
        await smtp.DisconnectAsync(true, Token);

        await MailDialogs.WaitForMailAsync(shared.Stack, recipient, 1);
        using var pop3 = NewPop3();
        await pop3.ConnectAsync("127.0.0.1", submission ? shared.Stack.Pop3 : shared.Stack.Pop3s, security, Token);
        await pop3.AuthenticateAsync(recipient.Address, recipient.Password, Token);
        using var message = await pop3.GetMessageAsync(0, Token);
        Assert.Equal("over TLS", message.Subject);
        Assert.Contains("with ESMTPSA", message.Headers[HeaderId.Received], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WithoutLogin_IsRefused()
    {
        var recipient = await shared.CreateAccountAsync();
        using var smtp = NewSmtp();
        await smtp.ConnectAsync("127.0.0.1", shared.Stack.Smtps, SecureSocketOptions.SslOnConnect, Token);

        // 530 5.7.0
        await Assert.ThrowsAsync<ServiceNotAuthenticatedException>(() => smtp.SendAsync(Message(recipient, recipient, "x"), Token));
    }

    [Fact]
    public async Task Login_WithAWrongPassword_IsRefusedOnBothSides()
    {
        var account = await shared.CreateAccountAsync();
        using var smtp = NewSmtp();
        await smtp.ConnectAsync("127.0.0.1", shared.Stack.Smtps, SecureSocketOptions.SslOnConnect, Token);
        await Assert.ThrowsAsync<AuthenticationException>(() => smtp.AuthenticateAsync(account.Address, "not the password", Token));
        using var pop3 = NewPop3();
        await pop3.ConnectAsync("127.0.0.1", shared.Stack.Pop3s, SecureSocketOptions.SslOnConnect, Token);
        await Assert.ThrowsAsync<AuthenticationException>(() => pop3.AuthenticateAsync(account.Address, "not the password", Token));
    }

    [Fact]
    public async Task Delete_AndQuit_RemovesTheMessageAndOnlyIt()
    {
        var account = await shared.CreateAccountAsync();
        foreach (var i in Enumerable.Range(1, 3))
        {
            await MailDialogs.SendAsync(
                shared.Stack.Smtp, account.Address, System.Text.Encoding.ASCII.GetBytes($"Subject: {i}\r\n\r\n{i}\r\n"));
            await MailDialogs.WaitForMailAsync(shared.Stack, account, i);
        }

        using (var first = NewPop3())
        {
            await first.ConnectAsync("127.0.0.1", shared.Stack.Pop3s, SecureSocketOptions.SslOnConnect, Token);
            await first.AuthenticateAsync(account.Address, account.Password, Token);
            await first.DeleteMessageAsync(1, Token);
            await first.DisconnectAsync(true, Token);
        }

        using var second = NewPop3();
        await second.ConnectAsync("127.0.0.1", shared.Stack.Pop3s, SecureSocketOptions.SslOnConnect, Token);
        await second.AuthenticateAsync(account.Address, account.Password, Token);
        Assert.Equal(2, second.Count);
        Assert.Equal(["1", "3"], (await second.GetMessageHeadersAsync(0, 2, Token)).Select(h => h[HeaderId.Subject]));
        var uids = await second.GetMessageUidsAsync(Token);
        Assert.Equal(2, uids.Distinct().Count());
    }

    [Fact]
    public async Task ToSeveralRecipients_EachGetsItOnce_AndPlusTagsLeadToTheirAccount()
    {
        var (a, b) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());
        using var smtp = NewSmtp();
        await smtp.ConnectAsync("127.0.0.1", shared.Stack.Smtp, SecureSocketOptions.None, Token);
        using var message = Message(a, b, "to several");
        var tagged = a.Address.Replace("@", "+tag@", StringComparison.Ordinal);
        await smtp.SendAsync(
            message,
            MailboxAddress.Parse("x@elsewhere.test"),
            [MailboxAddress.Parse(a.Address), MailboxAddress.Parse(b.Address.ToUpperInvariant()), MailboxAddress.Parse(tagged)],
            Token);

        await MailDialogs.WaitForMailAsync(shared.Stack, a, 1);
        await MailDialogs.WaitForMailAsync(shared.Stack, b, 1);
        await Task.Delay(300, Token);
        Assert.Equal(1, await MailDialogs.CountAsync(shared.Stack, a));
        Assert.Equal(1, await MailDialogs.CountAsync(shared.Stack, b));
    }

    private static MimeMessage Message(AccountJson sender, AccountJson recipient, string subject)
    {
        var message = new MimeMessage();
        message.From.Add(MailboxAddress.Parse(sender.Address));
        message.To.Add(MailboxAddress.Parse(recipient.Address));
        message.Subject = subject;
        message.Body = new TextPart("plain") { Text = "Hello\r\n" };
        return message;
    }

    private SmtpClient NewSmtp() => new() { CheckCertificateRevocation = false, ServerCertificateValidationCallback = Trust };

    private Pop3Client NewPop3() => new() { CheckCertificateRevocation = false, ServerCertificateValidationCallback = Trust };

    /// <summary>The stack's own authority, for this name, and nothing else.</summary>
    private bool Trust(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.ImportFromPemFile(shared.Stack.CertificateAuthority);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0 && own.Build(new X509Certificate2(certificate!));
    }
}
