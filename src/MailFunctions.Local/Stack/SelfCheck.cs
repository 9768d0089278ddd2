using System.Diagnostics;
using System.Text;
using MailKit.Net.Pop3;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace MailFunctions.Local.Stack;

/// <summary>`--check`: one message in by submission, out by POP3, over TLS, as a client would; one that leaves, one that bounces.</summary>
internal sealed class SelfCheck(StackInfo stack)
{
    /// <summary>For each message, on a machine that does other work beside it.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>True when the message came back as it was sent.</summary>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        var (sender, recipient) = (stack.Accounts[0], stack.Accounts[1]);
        var subject = $"Check {Guid.NewGuid():N}";
        try
        {
            var accepted = await SendAsync(sender, recipient.Address, subject, limit.Token);
            var (body, octets) = await FetchAsync(recipient, subject, limit.Token);
            Console.WriteLine(
                $"POP3 showed it to {recipient.Address} after {Stopwatch.GetElapsedTime(accepted).TotalMilliseconds:0} ms: {octets} "
                + "octets, read back and deleted.");
            if (body.ReplaceLineEndings().TrimEnd() != Body.ReplaceLineEndings())
            {
                Console.Error.WriteLine("Check failed: the message came back with another text.");
                return false;
            }

            if (stack.SinkDirectory is { } sink)
            {
                limit.CancelAfter(Limit);
                await CheckLeavingAsync(sender, sink, limit.Token);
                limit.CancelAfter(Limit);
                await CheckBounceAsync(sender, limit.Token);
            }

            Console.WriteLine("Check passed.");
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Console.Error.WriteLine(
                $"Check failed: a message did not come through within {Limit.TotalSeconds} s; see the logs in the data directory.");
        }
        catch (Exception e) when (e is SmtpCommandException or SmtpProtocolException or Pop3CommandException or Pop3ProtocolException
            or AuthenticationException or IOException or System.Net.Sockets.SocketException)
        {
            Console.Error.WriteLine($"Check failed: {e.Message}");
        }

        return false;
    }

    /// <summary>A message for another domain ends in the sink.</summary>
    private async Task CheckLeavingAsync(StackAccount sender, string sink, CancellationToken cancellationToken)
    {
        var subject = $"Check {Guid.NewGuid():N}";
        var accepted = await SendAsync(sender, "someone@" + Elsewhere, subject, cancellationToken);
        while (!Directory.EnumerateFiles(sink, "*.eml")
            .Any(f => File.ReadAllText(f, Encoding.UTF8).Contains(subject, StringComparison.Ordinal)))
        {
            await Task.Delay(AskEvery, cancellationToken);
        }

        Console.WriteLine(
            $"It left for {Elsewhere} after {Stopwatch.GetElapsedTime(accepted).TotalMilliseconds:0} ms: the sink has it in {sink}.");
    }

    /// <summary>A message that the sink refuses comes back as a report.</summary>
    private async Task CheckBounceAsync(StackAccount sender, CancellationToken cancellationToken)
    {
        var refused = $"refused-{Guid.NewGuid():N}@{Elsewhere}";
        var accepted = await SendAsync(sender, refused, "Check of a bounce", cancellationToken);
        while (!(await FetchAsync(sender, BounceSubject, cancellationToken)).Body.Contains(refused, StringComparison.Ordinal))
        {
            await Task.Delay(AskEvery, cancellationToken); // a report of another message
        }

        Console.WriteLine(
            $"The refusal of {refused} came back to {sender.Address} as a report after "
            + $"{Stopwatch.GetElapsedTime(accepted).TotalMilliseconds:0} ms.");
    }

    private const string Elsewhere = "elsewhere.test";
    private const string BounceSubject = "Your message could not be delivered";
    private const string Body = "This message was sent by the self-test.\r\n.A line that begins with a dot, and 8-bit text: äöü €";

    private async Task<long> SendAsync(StackAccount sender, string recipient, string subject, CancellationToken cancellationToken)
    {
        using var message = new MimeMessage();
        message.From.Add(MailboxAddress.Parse(sender.Address));
        message.To.Add(MailboxAddress.Parse(recipient));
        message.Subject = subject;
        message.Body = new TextPart("plain") { Text = Body };
        using var smtp = new SmtpClient
        {
            CheckCertificateRevocation = false,
            ServerCertificateValidationCallback = LocalTrust.For(stack.CertificateAuthority),
        };
        await smtp.ConnectAsync("127.0.0.1", stack.Submission, SecureSocketOptions.StartTls, cancellationToken);
        await smtp.AuthenticateAsync(sender.Address, sender.Password, cancellationToken);
        await smtp.SendAsync(message, cancellationToken);
        var accepted = Stopwatch.GetTimestamp();
        Console.WriteLine($"Sent \"{subject}\" from {sender.Address} to {recipient} through port {stack.Submission} with STARTTLS.");
        await smtp.DisconnectAsync(quit: true, cancellationToken);
        return accepted;
    }

    private async Task<(string Body, long Octets)> FetchAsync(StackAccount recipient, string subject, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var pop3 = new Pop3Client
            {
                CheckCertificateRevocation = false,
                ServerCertificateValidationCallback = LocalTrust.For(stack.CertificateAuthority),
            };
            await pop3.ConnectAsync("127.0.0.1", stack.Pop3s, SecureSocketOptions.SslOnConnect, cancellationToken);
            await pop3.AuthenticateAsync(recipient.Address, recipient.Password, cancellationToken);
            for (var i = pop3.Count - 1; i >= 0; i--)
            {
                var headers = await pop3.GetMessageHeadersAsync(i, cancellationToken);
                if (headers[HeaderId.Subject] == subject)
                {
                    var octets = await pop3.GetMessageSizeAsync(i, cancellationToken);
                    using var message = await pop3.GetMessageAsync(i, cancellationToken);
                    await pop3.DeleteMessageAsync(i, cancellationToken);
                    await pop3.DisconnectAsync(quit: true, cancellationToken);
                    return (message.TextBody ?? "", octets);
                }
            }

            await pop3.DisconnectAsync(quit: true, cancellationToken);
            await Task.Delay(AskEvery, cancellationToken);
        }
    }
}
