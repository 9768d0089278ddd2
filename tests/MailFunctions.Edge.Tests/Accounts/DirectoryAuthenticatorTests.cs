using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Accounts;

/// <summary>Credentials against the directory.</summary>
public sealed class DirectoryAuthenticatorTests : IDisposable
{
    private const string Alice = "alice@example.test";

    private static readonly IPAddress Client = IPAddress.Parse("192.0.2.1");

    private readonly ManualTime _time = new();
    private readonly TestDirectory _store = new();
    private readonly TestLogins _logins;
    private readonly DirectoryAuthenticator _authenticator;

    public DirectoryAuthenticatorTests()
    {
        _logins =
            new TestLogins(
                _store, _time, new LoginOptions { FreeFailuresPerAccount = 3, FreeFailuresPerClient = 5, FailureDelay = TimeSpan.Zero });
        _authenticator = _logins.Authenticator;
    }

    [Fact]
    public async Task CheckPassword_RightPassword_IsTheAccount()
    {
        _store.AddAccount(Alice);

        var result = Assert.IsType<AuthenticationResult.Authenticated>(await CheckAsync("Alice@EXAMPLE.test", TestDirectory.Password));
        Assert.Equal("box-" + Alice, result.Account.MailboxId);
    }

    [Fact]
    public async Task CheckPassword_AppPasswordFromBefore_IsTheAccount()
    {
        _store.AddAccount(
            Alice,
            a => a with { AppPasswords = [new AppPassword("1", "phone", ScramVerifier.Create("abcdefghijkmnpqrstuv", 4096), default)] });

        Assert.IsType<AuthenticationResult.Authenticated>(await CheckAsync(Alice, "abcdefghijkmnpqrstuv"));
    }

    [Theory]
    [InlineData(Alice, "wrong")]
    [InlineData("nobody@example.test", TestDirectory.Password)]
    [InlineData("alice@elsewhere.test", TestDirectory.Password)]
    [InlineData("alice", TestDirectory.Password)]
    [InlineData("off@example.test", TestDirectory.Password)]
    [InlineData("alias@example.test", TestDirectory.Password)]
    [InlineData(Alice, "")]
    public async Task CheckPassword_AnyOtherPair_IsRejectedAlike(string login, string password)
    {
        _store.AddAccount(Alice);
        _store.AddAccount("off@example.test", a => a with { Enabled = false });
        _store.AddAlias("alias@example.test", Alice);

        Assert.IsType<AuthenticationResult.Rejected>(await CheckAsync(login, password));
    }

    [Fact]
    public async Task CheckPassword_VeryLongPassword_IsRejected()
    {
        _store.AddAccount(Alice);

        Assert.IsType<AuthenticationResult.Rejected>(await CheckAsync(Alice, new string('x', 100_000)));
    }

    [Fact]
    public async Task CheckPassword_PasswordChangedBehindTheCache_NewOneWorksAtOnce()
    {
        _store.AddAccount(Alice);
        await CheckAsync(Alice, TestDirectory.Password);
        _store.AddAccount(Alice, a => a with { Password = ScramVerifier.Create("the new one", 4096) });

        Assert.IsType<AuthenticationResult.Authenticated>(await CheckAsync(Alice, "the new one"));
        Assert.IsType<AuthenticationResult.Rejected>(await CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task CheckPassword_TooManyFailures_IsThrottledEvenForTheRightOne()
    {
        _store.AddAccount(Alice);
        for (var i = 0; i < 4; i++)
        {
            Assert.IsType<AuthenticationResult.Rejected>(await CheckAsync(Alice, $"wrong {i}"));
        }

        Assert.IsType<AuthenticationResult.Throttled>(await CheckAsync(Alice, TestDirectory.Password));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.IsType<AuthenticationResult.Authenticated>(await CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task CheckPassword_FailuresUnderSpellingsOfOneName_CountTogether()
    {
        _store.AddAccount(Alice);
        for (var i = 1; i <= 4; i++)
        {
            var other = IPAddress.Parse($"198.51.100.{i}");
            await _authenticator.CheckPasswordAsync(
                "al" + new string('\u00AD', i) + "ice@example.test", $"wrong {i}", other, CancellationToken.None);
        }

        Assert.IsType<AuthenticationResult.Throttled>(await CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task CheckPassword_ManyGuessesAtOnce_DeriveNoMoreThanThoseAfterEachOther()
    {
        _store.AddAccount(Alice);
        _store.Gate = new TaskCompletionSource();
        var guesses = Enumerable.Range(0, 50 + (4 * Environment.ProcessorCount))
            .Select(i => CheckAsync(Alice, $"guess {i}").AsTask()).ToList();
        _store.Gate.SetResult();

        Assert.DoesNotContain(await Task.WhenAll(guesses), r => r is AuthenticationResult.Authenticated);
        Assert.InRange(_logins.Checks.Derivations, 1, 4);
        Assert.IsType<AuthenticationResult.Throttled>(await CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task FindScram_OthersFailWhileItIsHeldBack_IsThrottled()
    {
        _store.AddAccount(Alice);
        using var logins =
            new TestLogins(_store, _time, new LoginOptions { FailureDelay = TimeSpan.FromSeconds(1), FreeFailuresPerAccount = 3 });
        var (throttle, authenticator) = (logins.Throttle, logins.Authenticator);
        throttle.RecordFailure(Client, Alice);
        var finding = authenticator.FindScramAsync(Alice, Client, CancellationToken.None).AsTask();
        for (var i = 0; i < 5; i++)
        {
            throttle.RecordFailure(Client, Alice);
        }

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.IsType<AuthenticationResult.Throttled>(Assert.IsType<ScramLookup.Refused>(await finding).Why);
    }

    [Fact]
    public void RecordScram_ManyExchangesAtOnce_TheRightProofBehindTheOthersDoesNotCount()
    {
        for (var i = 0; i < 4; i++)
        {
            Assert.Null(_authenticator.RecordScram(Alice, Client, succeeded: false));
        }

        Assert.NotNull(_authenticator.RecordScram(Alice, Client, succeeded: true));
    }

    [Fact]
    public async Task CheckPassword_AfterFailures_IsHeldBackLongerEachTime()
    {
        _store.AddAccount(Alice);
        using var logins =
            new TestLogins(_store, _time, new LoginOptions { FailureDelay = TimeSpan.FromSeconds(1), FreeFailuresPerAccount = 10 });
        var delays = new List<double>();
        for (var i = 0; i < 6; i++)
        {
            var began = _time.GetUtcNow();
            var check = logins.Authenticator.CheckPasswordAsync(Alice, $"wrong {i}", Client, CancellationToken.None).AsTask();
            while (!check.IsCompleted)
            {
                if (_time.TimersSet > 0)
                {
                    _time.Advance(TimeSpan.FromSeconds(1));
                }

                await Task.Delay(1, TestContext.Current.CancellationToken);
            }

            delays.Add((_time.GetUtcNow() - began).TotalSeconds);
        }

        Assert.Equal([0, 1, 2, 4, 8, 10], delays);
    }

    [Fact]
    public async Task CheckPassword_DirectoryAway_IsUnavailableAndNoFailure()
    {
        _store.AddAccount(Alice);
        _store.IsAway = true;
        for (var i = 0; i < 10; i++)
        {
            Assert.IsType<AuthenticationResult.Unavailable>(await CheckAsync(Alice, TestDirectory.Password));
        }

        _store.IsAway = false;
        Assert.IsType<AuthenticationResult.Authenticated>(await CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task FindScram_UnknownAccount_GetsASaltThatStaysTheSame()
    {
        var first = await FindAsync("nobody@example.test");
        var second = await FindAsync("nobody@example.test");
        var other = await FindAsync("other@example.test");

        Assert.Null(first.Account);
        Assert.Equal(first.Verifier.Salt, second.Verifier.Salt);
        Assert.NotEqual(first.Verifier.Salt, other.Verifier.Salt);
        Assert.Equal(ScramVerifier.DefaultIterations, first.Verifier.Iterations);
    }

    [Fact]
    public async Task FindScram_AfterTooManyFailures_SaysHowLongToWait()
    {
        _store.AddAccount(Alice);
        for (var i = 0; i < 10; i++)
        {
            _authenticator.RecordScram(Alice, Client, succeeded: false);
        }

        var refused = Assert.IsType<ScramLookup.Refused>(await _authenticator.FindScramAsync(Alice, Client, CancellationToken.None));

        Assert.True(Assert.IsType<AuthenticationResult.Throttled>(refused.Why).RetryAfter > TimeSpan.Zero);
    }

    [Fact]
    public async Task RecordScram_Failures_CountForPasswordsToo()
    {
        _store.AddAccount(Alice);
        for (var i = 0; i < 4; i++)
        {
            _authenticator.RecordScram(Alice, Client, succeeded: false);
        }

        Assert.IsType<AuthenticationResult.Throttled>(await CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task CheckPassword_AnyFailure_LogsNeitherPasswordNorUnknownName()
    {
        _store.AddAccount(Alice);
        await CheckAsync(Alice, "s3cret-guess");
        await CheckAsync("s3cret-typed-as-name", "s3cret-guess");

        Assert.Equal(2, _logins.Log.Lines.Count);
        Assert.All(_logins.Log.Lines, l => Assert.DoesNotContain("s3cret", l, StringComparison.Ordinal));
        Assert.Contains(Alice, _logins.Log.Lines[0], StringComparison.Ordinal);
    }

    public void Dispose() => _logins.Dispose();

    private ValueTask<AuthenticationResult> CheckAsync(string login, string password) =>
        _authenticator.CheckPasswordAsync(login, password, Client, TestContext.Current.CancellationToken);

    private async Task<ScramCredential> FindAsync(string login) =>
        Assert.IsType<ScramLookup.Found>(await _authenticator.FindScramAsync(login, Client, CancellationToken.None)).Credential;
}
