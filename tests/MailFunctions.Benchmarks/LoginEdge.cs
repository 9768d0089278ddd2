using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Edge;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace MailFunctions.Benchmarks;

/// <summary>How a login was answered, and after what time from connecting.</summary>
internal readonly record struct Login(string Reply, TimeSpan Took)
{
    public bool Succeeded => Reply.StartsWith("+OK", StringComparison.Ordinal);

    /// <summary>Refused with the request to come again, not for the password.</summary>
    public bool IsTemporary => Reply.StartsWith("-ERR [SYS/TEMP]", StringComparison.Ordinal);
}

/// <summary>
/// The edge as it is deployed, with POP3S, over a directory and mailboxes in memory; started anew it remembers no password.
/// </summary>
internal sealed class LoginEdge : IAsyncDisposable
{
    private readonly Kept _kept;
    private readonly int _port = FreePorts.Next();
    private readonly TaskCompletionSource<IHostApplicationLifetime> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<int> _running = Task.FromResult(0);

    private LoginEdge(Kept kept) => _kept = kept;

    public static async Task<LoginEdge> StartAsync(IEnumerable<AccountEntry> accounts, Kept kept, params string[] settings)
    {
        var edge = new LoginEdge(kept);
        edge._running = Task.Run(() => EdgeApplication.RunAsync(
        [
            "--Edge:Address=127.0.0.1", "--Edge:HostName=mail.bench.test", "--Edge:Ports:Smtp=0", "--Edge:Ports:Submission=0",
            "--Edge:Ports:Smtps=0",
            "--Edge:Ports:Pop3=0", $"--Edge:Ports:Pop3s={edge._port}", "--Edge:Ports:Health=0",
            "--Edge:MaxConnections=6000", "--Edge:MaxConnectionsPerClient=6000", $"--Tls:CertificatePath={kept.CertificatePath}",
            "--Logging:LogLevel:Default=Warning", .. settings,
        ],
        services => edge.AddStores(services, accounts)));
        await Task.WhenAny(edge._started.Task, edge._running);
        return edge._started.Task.IsCompleted
            ? edge
            : throw new InvalidOperationException($"The edge did not start: {await edge._running}");
    }

    /// <summary>One POP3S session of its own: TLS, USER, PASS, QUIT.</summary>
    public async Task<Login> LogInAsync(string name, string password, IPAddress? from = null)
    {
        var began = Stopwatch.GetTimestamp();
        using var tcp = new TcpClient(new IPEndPoint(from ?? IPAddress.Loopback, 0));
        await tcp.ConnectAsync(IPAddress.Loopback, _port);
        await using var tls = new SslStream(tcp.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "mail.bench.test",
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.GetCertHashString() == _kept.CertificateHash,
        });
        using var reader = new StreamReader(tls, leaveOpen: true);
        await reader.ReadLineAsync();
        await SayAsync(tls, $"USER {name}");
        await reader.ReadLineAsync();
        await SayAsync(tls, $"PASS {password}");
        var reply = await reader.ReadLineAsync() ?? "";
        var took = Stopwatch.GetElapsedTime(began);
        await SayAsync(tls, "QUIT");
        await reader.ReadLineAsync();
        return new Login(reply, took);
    }

    public async ValueTask DisposeAsync()
    {
        (await _started.Task).StopApplication();
        await _running;
    }

    private static ValueTask SayAsync(SslStream tls, string line) => tls.WriteAsync(System.Text.Encoding.UTF8.GetBytes(line + "\r\n"));

    private void AddStores(IServiceCollection services, IEnumerable<AccountEntry> accounts)
    {
        var mailboxes = new Pop3Memory.MemoryMailboxes();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IMessageIntake>(mailboxes);
        services.AddSingleton<IMailboxDelivery>(mailboxes);
        services.AddSingleton<IMaildrops>(new ManyMaildrops(mailboxes));
        services.AddSingleton<IDirectoryStore>(new AccountsOfAllDomains(accounts));
        services.AddSingleton<IBusSender, FakeBus>();
        services.AddSingleton<IPasswordProofs>(_kept);
        services.AddKeptPasswords();
        services.AddHostedService(s => new Started(s.GetRequiredService<IHostApplicationLifetime>(), _started));
    }

    /// <summary>What is there after a restart: the certificate, and in memory the proofs of passwords.</summary>
    public sealed class Kept : IPasswordProofs, IDisposable
    {
        private readonly TemporaryDirectory _files = new();
        private readonly ConcurrentDictionary<string, DateTimeOffset> _proofs = new();

        public Kept()
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = new CertificateRequest("CN=mail.bench.test", key, HashAlgorithmName.SHA256)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            CertificateHash = certificate.GetCertHashString();
            File.WriteAllText(CertificatePath, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
        }

        public string CertificatePath => _files.File("server.pem");

        public string CertificateHash { get; }

        public ValueTask<DateTimeOffset?> FindAsync(string name, CancellationToken cancellationToken) =>
            ValueTask.FromResult<DateTimeOffset?>(_proofs.TryGetValue(name, out var at) ? at : null);

        public Task WriteAsync(string name, DateTimeOffset at, CancellationToken cancellationToken)
        {
            _proofs[name] = at;
            return Task.CompletedTask;
        }

        public void Dispose() => _files.Dispose();
    }

    private sealed class Started(IHostApplicationLifetime life, TaskCompletionSource<IHostApplicationLifetime> started) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            life.ApplicationStarted.Register(() => started.TrySetResult(life));
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>Each session a maildrop of its own, so that sessions of one account at once do not exclude one another.</summary>
    private sealed class ManyMaildrops(Pop3Memory.MemoryMailboxes mailboxes) : IMaildrops
    {
        private int _opened;

        public ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken) =>
            mailboxes.OpenAsync(
                account with { MailboxId = $"{account.MailboxId}-{Interlocked.Increment(ref _opened)}" }, cancellationToken);
    }

    /// <summary>These accounts, in whichever domain they are.</summary>
    private sealed class AccountsOfAllDomains : MemoryDirectory
    {
        public AccountsOfAllDomains(IEnumerable<AccountEntry> accounts)
        {
            foreach (var account in accounts)
            {
                Put(account);
            }
        }

        public override ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken) =>
            ValueTask.FromResult<MailDomain?>(new MailDomain { Name = domain });
    }
}
