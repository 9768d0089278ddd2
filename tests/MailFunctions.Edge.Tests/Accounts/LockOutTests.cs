using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Accounts;

/// <summary>Guesses from anywhere are slowed, and the owner is not locked out by them.</summary>
public sealed class LockOutTests : IDisposable
{
    private const string Alice = "alice@example.test";
    private const string Home = "192.0.2.1";
    private const string Elsewhere = "203.0.113.200";

    private readonly ManualTime _time = new();
    private readonly TestDirectory _store = new();
    private readonly TestLogins _logins;

    public LockOutTests()
    {
        _logins = new TestLogins(_store, _time, new LoginOptions { FailureDelay = TimeSpan.Zero });
        _store.AddAccount(Alice);
    }

    public void Dispose() => _logins.Dispose();

    /// <summary>Thunderbird tries a wrong password by PLAIN, LOGIN and USER/PASS: two of them used up five free failures.</summary>
    [Fact]
    public async Task WrongPasswordTwiceByThreeMechanismsEach_ThenTheRightOne_IsLetIn()
    {
        foreach (var wrong in (string[])["correct horse batery", "correct horse bettery"])
        {
            for (var mechanism = 0; mechanism < 3; mechanism++)
            {
                Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(Alice, wrong, Home));
            }
        }

        Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, TestDirectory.Password, Home));
    }

    [Fact]
    public async Task StrangersGuess_AddressThatLoggedInLately_IsNotHeldBackEvenWithANewPassword()
    {
        await _logins.CheckAsync(Alice, TestDirectory.Password, Home);
        await GuessFromManyNetworksAsync();
        _store.AddAccount(Alice, a => a with { Password = ScramVerifier.Create("a new password", 4096) });

        Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, "a new password", Home));
        Assert.IsType<AuthenticationResult.Throttled>(await _logins.CheckAsync(Alice, "a new password too", Elsewhere));
    }

    [Fact]
    public async Task StrangersGuess_RememberedPasswordFromANewAddress_IsNotHeldBack()
    {
        await _logins.CheckAsync(Alice, TestDirectory.Password, Home);
        await GuessFromManyNetworksAsync();

        Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, TestDirectory.Password, Elsewhere));
    }

    [Fact]
    public async Task StrangersGuess_AppPasswordFromANewAddress_IsNotHeldBack()
    {
        var (id, password, verifier) = GeneratedPassword.Create([]);
        _store.AddAccount(Alice, a => a with { AppPasswords = [new AppPassword(id, "phone", verifier, default)] });
        await GuessFromManyNetworksAsync();

        Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, password, Elsewhere));
    }

    /// <summary>
    /// While an account's strangers have to wait, remembered passwords can be guessed at no faster than the bound on looks.
    /// </summary>
    [Fact]
    public async Task StrangersGuess_FromManyNetworks_AreSlowedThoughThePasswordIsRemembered()
    {
        await _logins.CheckAsync(Alice, TestDirectory.Password, Home);
        await GuessFromManyNetworksAsync();
        for (var i = 0; i < LoginThrottle.Looks; i++)
        {
            Assert.IsType<AuthenticationResult.Throttled>(await _logins.CheckAsync(Alice, $"guess {i}", $"10.1.{i}.1"));
        }

        Assert.IsType<AuthenticationResult.Throttled>(await _logins.CheckAsync(Alice, TestDirectory.Password, Elsewhere));
        Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, TestDirectory.Password, Home));
    }

    [Fact]
    public async Task Guesses_OneAfterTheOtherFromManyNetworks_DeriveNoMoreThanIsFree()
    {
        await GuessFromManyNetworksAsync(100);

        Assert.InRange(_logins.Checks.Derivations, 5, 6);
    }

    [Fact]
    public async Task Guesses_AllAtOnceFromManyNetworks_DeriveNoMoreThanIsFree()
    {
        _store.Gate = new TaskCompletionSource();
        var guesses = Enumerable.Range(0, 100).Select(i => _logins.CheckAsync(Alice, $"guess {i}", $"10.0.{i}.1")).ToList();
        _store.Gate.SetResult();
        await Task.WhenAll(guesses);

        Assert.InRange(_logins.Checks.Derivations, 1, 6);
    }

    /// <summary>100 made-up names once cost 27 s of processor time.</summary>
    [Fact]
    public async Task MadeUpNames_ManyAtOnceFromOneClient_DeriveNoMoreThanIsFree()
    {
        var guesses = Enumerable.Range(0, 100).Select(i => _logins.CheckAsync($"name{i}@example.test", "guess", Elsewhere)).ToList();
        await Task.WhenAll(guesses);

        Assert.InRange(_logins.Checks.Derivations, 10, 10 + Environment.ProcessorCount); // those that ran beside the tenth
    }

    private async Task GuessFromManyNetworksAsync(int count = 10)
    {
        for (var i = 0; i < count; i++)
        {
            var result = await _logins.CheckAsync(Alice, $"guess {i}", $"10.0.{i}.1");
            Assert.True(result is AuthenticationResult.Rejected or AuthenticationResult.Throttled, $"{result}");
        }
    }
}
