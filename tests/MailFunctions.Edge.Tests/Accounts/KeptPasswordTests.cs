using System.Collections.Concurrent;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.Edge.Tls;
using MailFunctions.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Accounts;

/// <summary>What a restarted edge, or another one, need not derive again.</summary>
public sealed class KeptPasswordTests : IDisposable
{
    private const string Alice = "alice@example.test";

    private readonly ManualTime _time = new();
    private readonly TestDirectory _store = new();
    private readonly Proofs _proofs = new();
    private readonly TemporaryDirectory _files = new();

    public KeptPasswordTests()
    {
        _store.AddAccount(Alice);
        WriteCertificate();
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task RestartedEdge_ManyPollingMailboxes_DerivesNothing()
    {
        for (var i = 0; i < 50; i++)
        {
            _store.AddAccount($"user{i}@example.test", a => a with { Password = ScramVerifier.Create($"the password of {i}", 4096) });
        }

        Assert.Equal(50, await DerivationsOfAnEdgeAsync(LogInAllAsync));
        Assert.Equal(0, await DerivationsOfAnEdgeAsync(LogInAllAsync));

        static async Task LogInAllAsync(TestLogins logins)
        {
            for (var i = 0; i < 50; i++)
            {
                Assert.IsType<AuthenticationResult.Authenticated>(await logins.CheckAsync($"user{i}@example.test", $"the password of {i}"));
            }
        }
    }

    /// <summary>
    /// Without the key of the certificate what is kept is of no use: not to a thief of the tables, not to an edge with another one.
    /// </summary>
    [Fact]
    public async Task OtherCertificate_SamePassword_IsDerivedAgain()
    {
        await DerivationsOfAnEdgeAsync(LogInAsync);
        WriteCertificate();

        Assert.Equal(1, await DerivationsOfAnEdgeAsync(LogInAsync));
        Assert.Equal(2, _proofs.Rows.Count);
    }

    [Fact]
    public async Task NoCertificate_NothingIsKept()
    {
        File.Delete(_files.File("server.pem"));

        Assert.Equal(1, await DerivationsOfAnEdgeAsync(LogInAsync));
        Assert.Empty(_proofs.Rows);
    }

    [Theory]
    [InlineData("changed")]
    [InlineData("disabled")]
    [InlineData("deleted")]
    public async Task AccountIsAnotherNow_KeptPassword_IsRejected(string how)
    {
        var account = _store.AddAccount(Alice);
        await DerivationsOfAnEdgeAsync(LogInAsync);
        switch (how)
        {
            case "changed":
                _store.Put(account with { Password = ScramVerifier.Create("another password", 4096) });
                break;
            case "disabled":
                _store.Put(account with { Enabled = false });
                break;
            default:
                _store.Remove(Alice);
                break;
        }

        await DerivationsOfAnEdgeAsync(
            async logins => Assert.IsType<AuthenticationResult.Rejected>(await logins.CheckAsync(Alice, TestDirectory.Password)));
    }

    [Fact]
    public async Task WrongPasswords_NothingIsKeptAndEachKindReadsOnce()
    {
        _store.AddAccount("off@example.test", a => a with { Enabled = false });
        foreach (var login in (string[])[Alice, "off@example.test", "unknown@example.test"])
        {
            _proofs.Reads = 0;
            await DerivationsOfAnEdgeAsync(async logins => Assert.IsType<AuthenticationResult.Rejected>(
                await logins.CheckAsync(login, login == Alice ? "wrong" : TestDirectory.Password)));
            Assert.Equal(1, _proofs.Reads);
        }

        Assert.Empty(_proofs.Rows);
    }

    [Fact]
    public async Task Kept_AMonthAgo_IsDerivedAgain()
    {
        await DerivationsOfAnEdgeAsync(LogInAsync);
        _time.Advance(PasswordProof.Lifetime);

        Assert.Equal(1, await DerivationsOfAnEdgeAsync(LogInAsync));
    }

    [Fact]
    public async Task Kept_UsedNowAndThen_IsWrittenAnew()
    {
        await DerivationsOfAnEdgeAsync(LogInAsync);
        _time.Advance(TimeSpan.FromDays(20));
        Assert.Equal(0, await DerivationsOfAnEdgeAsync(LogInAsync));
        _time.Advance(TimeSpan.FromDays(20));

        Assert.Equal(0, await DerivationsOfAnEdgeAsync(LogInAsync));
    }

    [Fact]
    public async Task StoreAway_IsDerived()
    {
        await DerivationsOfAnEdgeAsync(LogInAsync);
        _proofs.IsAway = true;

        Assert.Equal(1, await DerivationsOfAnEdgeAsync(LogInAsync));
    }

    private static async Task LogInAsync(TestLogins logins) =>
        Assert.IsType<AuthenticationResult.Authenticated>(await logins.CheckAsync(Alice, TestDirectory.Password));

    /// <summary>An edge from its start to its end.</summary>
    private async Task<long> DerivationsOfAnEdgeAsync(Func<TestLogins, Task> use)
    {
        var path = _files.File("server.pem");
        var certificate = new ServerCertificate(
            Options.Create(new TlsOptions { CertificatePath = File.Exists(path) ? path : "" }), _time,
            NullLogger<ServerCertificate>.Instance);
        using var kept = new KeptPasswords(_proofs, certificate, _time);
        using var logins = new TestLogins(_store, _time, new LoginOptions { FailureDelay = TimeSpan.Zero }, kept: kept);
        await kept.StartAsync(CancellationToken.None);
        await use(logins);
        await kept.StopAsync(CancellationToken.None);
        return logins.Checks.Derivations;
    }

    private void WriteCertificate()
    {
        using var certificate = TestCertificate.Create("mail.example.test");
        TestCertificate.WritePem(_files.File("server.pem"), certificate);
    }

    private sealed class Proofs : IPasswordProofs
    {
        public ConcurrentDictionary<string, DateTimeOffset> Rows { get; } = new();

        public int Reads { get; set; }

        public bool IsAway { get; set; }

        public ValueTask<DateTimeOffset?> FindAsync(string name, CancellationToken cancellationToken)
        {
            Reads++;
            return IsAway
                ? throw new StoreUnavailableException("away")
                : ValueTask.FromResult<DateTimeOffset?>(Rows.TryGetValue(name, out var at) ? at : null);
        }

        public Task WriteAsync(string name, DateTimeOffset at, CancellationToken cancellationToken)
        {
            Rows[name] = at;
            return Task.CompletedTask;
        }
    }
}
