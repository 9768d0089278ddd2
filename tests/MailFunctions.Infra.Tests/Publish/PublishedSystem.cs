using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MailFunctions.TestKit;
using MailKit.Net.Pop3;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>The local stack with the published function app and the published edge in place of the built ones.</summary>
public sealed class PublishedSystem : IAsyncDisposable
{
    private static readonly TimeSpan DeliveryLimit = TimeSpan.FromMinutes(1);
    private readonly StackProcess _process;

    private PublishedSystem(StackProcess process) => (_process, Stack) = (process, process.Read());

    public StackJson Stack { get; }

    public static async Task<PublishedSystem> StartAsync(PublishedPrograms published) => new(await StackProcess.StartAsync(
        environment: new Dictionary<string, string?> { ["LOCAL_FUNCTION_APP"] = published.Functions, ["LOCAL_EDGE"] = published.Edge }));

    /// <summary>The settings that the stack gave to its own edge, by which another one can join in.</summary>
    public IReadOnlyDictionary<string, string> EdgeEnvironment() =>
        Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{Stack.Processes["edge"]}/environ"))
            .Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Select(v => v.Split('=', 2)).Where(v => v.Length == 2).ToDictionary(v => v[0], v => v[1]);

    /// <summary>Sends to Bob, as another server does or as Alice, and gives the subject.</summary>
    public async Task<string> SendAsync(int port, bool submission)
    {
        var subject = $"Published {Guid.NewGuid():N}";
        using var client = new SmtpClient { ServerCertificateValidationCallback = Trust, CheckCertificateRevocation = false };
        await client.ConnectAsync("127.0.0.1", port, submission ? SecureSocketOptions.StartTls : SecureSocketOptions.None);
        if (submission)
        {
            await client.AuthenticateAsync(Stack.Alice.Address, Stack.Alice.Password);
        }

        var message = new MimeMessage { Subject = subject, Body = new TextPart("plain") { Text = "Hello\r\n" } };
        message.From.Add(MailboxAddress.Parse(submission ? Stack.Alice.Address : "someone@elsewhere.test"));
        message.To.Add(MailboxAddress.Parse(Stack.Bob.Address));
        await client.SendAsync(message);
        await client.DisconnectAsync(quit: true);
        return subject;
    }

    /// <summary>Fetches from Bob's maildrop until a subject is there, and deletes that message.</summary>
    public async Task FetchAsync(int port, string subject)
    {
        using var limit = new CancellationTokenSource(DeliveryLimit);
        while (!await TryFetchAsync(port, subject, limit.Token))
        {
            await Task.Delay(100, limit.Token);
        }
    }

    private async Task<bool> TryFetchAsync(int port, string subject, CancellationToken cancellationToken)
    {
        using var client = await LogInAsync(port, cancellationToken);
        var found = false;
        for (var i = 0; i < client.Count; i++)
        {
            if ((await client.GetMessageAsync(i, cancellationToken)).Subject == subject)
            {
                found = true;
                await client.DeleteMessageAsync(i, cancellationToken);
            }
        }

        await client.DisconnectAsync(quit: true, cancellationToken);
        return found;
    }

    /// <summary>Waits for a message in Bob's maildrop, and is told that it can't be read.</summary>
    public async Task FailToFetchAsync(int port)
    {
        using var limit = new CancellationTokenSource(DeliveryLimit);
        while (true)
        {
            using var client = await LogInAsync(port, limit.Token);
            if (client.Count > 0)
            {
                await Assert.ThrowsAsync<Pop3CommandException>(() => client.GetMessageAsync(client.Count - 1, limit.Token));
                return;
            }

            await client.DisconnectAsync(quit: true, limit.Token);
            await Task.Delay(100, limit.Token);
        }
    }

    private async Task<Pop3Client> LogInAsync(int port, CancellationToken cancellationToken)
    {
        var client = new Pop3Client { ServerCertificateValidationCallback = Trust, CheckCertificateRevocation = false };
        await client.ConnectAsync("127.0.0.1", port, SecureSocketOptions.StartTls, cancellationToken);
        await client.AuthenticateAsync(Stack.Bob.Address, Stack.Bob.Password, cancellationToken);
        return client;
    }

    /// <summary>The stack's own authority, and no other.</summary>
    public bool Trust(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        using var authority = X509CertificateLoader.LoadCertificateFromFile(Stack.CertificateAuthority);
        using var own = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { authority },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        };
        return certificate is X509Certificate2 leaf && own.Build(leaf);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
