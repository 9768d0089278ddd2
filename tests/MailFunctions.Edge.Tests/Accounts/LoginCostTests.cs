using System.Diagnostics;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Accounts;

/// <summary>What a login costs, in derivations; and that no failure shows by its time why it is one.</summary>
public sealed class LoginCostTests : IDisposable
{
    private const string Alice = "alice@example.test";

    private readonly ManualTime _time = new();
    private readonly TestDirectory _store = new();
    private readonly TestLogins _logins;

    public LoginCostTests() => _logins = new TestLogins(
        _store, _time, new LoginOptions { FailureDelay = TimeSpan.Zero, FreeFailuresPerAccount = 1000, FreeFailuresPerClient = 1000 });

    public void Dispose() => _logins.Dispose();

    [Fact]
    public async Task TwentySessionsAtOnce_OnePassword_IsDerivedOnce()
    {
        _store.AddAccount(Alice);
        _store.Gate = new TaskCompletionSource();
        var sessions = Enumerable.Range(0, 20).Select(i => _logins.CheckAsync(Alice, TestDirectory.Password, $"192.0.2.{i % 2}")).ToList();
        _store.Gate.SetResult();

        Assert.All(await Task.WhenAll(sessions), r => Assert.IsType<AuthenticationResult.Authenticated>(r));
        Assert.Equal(1, _logins.Checks.Derivations);
    }

    [Fact]
    public async Task PollsForAMonth_RightPassword_IsDerivedOnceAndEndsWithItsVerifier()
    {
        var account = _store.AddAccount(Alice);
        for (var hours = 0; hours < 30 * 24; hours += 12)
        {
            Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, TestDirectory.Password));
            _time.Advance(TimeSpan.FromHours(12));
        }

        Assert.Equal(1, _logins.Checks.Derivations);
        _store.Put(account with { Password = ScramVerifier.Create("another password", 4096) });
        Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task NotUsedForADay_RightPassword_IsDerivedAgain()
    {
        _store.AddAccount(Alice);
        await _logins.CheckAsync(Alice, TestDirectory.Password);
        _time.Advance(TimeSpan.FromHours(25));

        await _logins.CheckAsync(Alice, TestDirectory.Password);

        Assert.Equal(2, _logins.Checks.Derivations);
    }

    [Fact]
    public async Task AppPasswords_AnyOfTwentyFive_CostNoDerivation()
    {
        var passwords = WithAppPasswords(Alice, 25);

        foreach (var password in passwords)
        {
            Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, password));
        }

        Assert.Equal(0, _logins.Checks.Derivations);
    }

    [Fact]
    public async Task AppPassword_OfAnotherAccount_IsRejected()
    {
        WithAppPasswords(Alice, 5);
        var other = WithAppPasswords("bob@example.test", 1)[0];

        Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(Alice, other));
        Assert.Equal(1, _logins.Checks.Derivations);
    }

    [Fact]
    public async Task AppPassword_IdRightSecretWrong_IsRejectedForOneDerivation()
    {
        var password = WithAppPasswords(Alice, 5)[0];

        Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(Alice, password[..^1] + (password[^1] == 'a' ? 'b' : 'a')));
        Assert.Equal(1, _logins.Checks.Derivations);
    }

    [Fact]
    public async Task DisabledAccount_RightPasswords_AreNeverRemembered()
    {
        var app = WithAppPasswords(Alice, 1)[0];
        var account =
            Assert.IsType<AccountEntry>(await _store.FindEntryAsync(Core.Addresses.EmailAddress.Parse(Alice)!, CancellationToken.None));
        await _logins.CheckAsync(Alice, TestDirectory.Password);
        _store.Put(account with { Enabled = false });
        _time.Advance(TimeSpan.FromSeconds(20));

        Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(Alice, TestDirectory.Password));
        Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(Alice, app));
        Assert.Equal(3, _logins.Checks.Derivations); // one more each, as for any wrong password

        _store.Put(account);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, TestDirectory.Password));
    }

    /// <summary>A client that was given a wrong password comes with it again and again.</summary>
    [Fact]
    public async Task SameWrongPassword_Again_IsNeitherDerivedNorCountedAgain()
    {
        _store.AddAccount(Alice);
        using var logins = new TestLogins(_store, _time, new LoginOptions { FailureDelay = TimeSpan.Zero });
        for (var i = 0; i < 20; i++)
        {
            Assert.IsType<AuthenticationResult.Rejected>(await logins.CheckAsync(Alice, "correct horse bettery"));
        }

        Assert.Equal(1, logins.Checks.Derivations);
        Assert.IsType<AuthenticationResult.Authenticated>(await logins.CheckAsync(Alice, TestDirectory.Password));
    }

    [Fact]
    public async Task WrongPassword_BecomesTheRightOne_IsTakenAtOnce()
    {
        var account = _store.AddAccount(Alice);
        Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(Alice, "the next password"));
        _store.Put(account with { Password = ScramVerifier.Create("the next password", 4096) });

        Assert.IsType<AuthenticationResult.Authenticated>(await _logins.CheckAsync(Alice, "the next password"));
    }

    [Fact]
    public async Task Failures_OfEveryKind_CostOneDerivationAndTheSameReads()
    {
        foreach (var (kind, login, password) in Kinds())
        {
            for (var i = 0; i < 3; i++)
            {
                var (derived, reads) = (_logins.Checks.Derivations, _store.EntryReads);
                _time.Advance(TimeSpan.FromSeconds(30)); // nothing is cached
                Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(login, password(i)));

                Assert.True(_logins.Checks.Derivations - derived == 1, $"{kind}: {_logins.Checks.Derivations - derived} derivations");
                Assert.True(_store.EntryReads - reads == 2, $"{kind}: {_store.EntryReads - reads} reads");
            }
        }
    }

    /// <summary>
    /// Coarse, since much else shares the processor; the derivations above are exact. Beside a wrong password in the same round,
    /// no kind takes twice as long every time, nor half.
    /// </summary>
    [Fact]
    public async Task Failures_OfEveryKind_TakeTheSameTime()
    {
        var kinds = Kinds(ScramVerifier.DefaultIterations).ToList();
        var ratios = kinds.Select(_ => new List<double>()).ToList();
        for (var round = 0; round < 6; round++)
        {
            var first = await TimeAsync(kinds[0], round);
            for (var k = 1; k < kinds.Count; k++)
            {
                ratios[k].Add(await TimeAsync(kinds[k], round) / first);
            }
        }

        foreach (var (kind, of) in kinds.Zip(ratios).Skip(1))
        {
            Assert.True(
                of.Min() < 2 && of.Max() > 0.5, $"{kind.Kind}: {string.Join(", ", of.Select(r => $"{r:0.00}"))} times a wrong password's");
        }

        async Task<double> TimeAsync((string Kind, string Login, Func<int, string> Password) kind, int round)
        {
            var began = Stopwatch.GetTimestamp();
            Assert.IsType<AuthenticationResult.Rejected>(await _logins.CheckAsync(kind.Login, kind.Password(round)));
            return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
    }

    /// <summary>
    /// The form of app passwords from before is tried with each of them: the answer to a wrong one comes at a fixed time.
    /// </summary>
    [Theory]
    [InlineData("alice@example.test")]
    [InlineData("plain@example.test")]
    [InlineData("unknown@example.test")]
    public async Task WrongPassword_InTheFormFromBefore_IsAnsweredAtTheSameTimeWhateverTheAccountHas(string login)
    {
        _store.AddAccount("plain@example.test");
        _store.AddAccount(
            Alice,
            a => a with { AppPasswords = [.. Enumerable.Range(0, 5).Select(i => Old($"{i}", $"bbbbbbbbbbbbbbbbbbb{(char)('a' + i)}"))] });

        var answer = _logins.CheckAsync(login, "aaaaaaaaaaaaaaaaaaaa");
        for (var i = 0; i < 3000 && _time.TimersSet == 0; i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        _time.Advance(DirectoryAuthenticator.OldFormAnswer - TimeSpan.FromTicks(1));
        Assert.False(answer.IsCompleted);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.IsType<AuthenticationResult.Rejected>(await answer);
    }

    /// <summary>Wrong for the account, disabled, without a password, with app passwords of either kind, unknown.</summary>
    private IEnumerable<(string Kind, string Login, Func<int, string> Password)> Kinds(int iterations = 4096)
    {
        var own = ScramVerifier.Create(TestDirectory.Password, iterations);
        _store.AddAccount("plain@example.test", a => a with { Password = own });
        _store.AddAccount("old@example.test", a => a with
        {
            Password = own,
            AppPasswords = [Old("1", "abcdefghijkmnpqrstuv", iterations), Old("2", "bcdefghijkmnpqrstuvw", iterations)],
        });
        WithAppPasswords("five@example.test", 5, own);
        _store.AddAccount("disabled@example.test", a => a with { Password = own, Enabled = false });
        _store.AddAccount("without@example.test", a => a with { Password = null });
        return
        [
            ("wrong password", "plain@example.test", i => $"wrong password {i}"),
            ("wrong, app passwords from before", "old@example.test", i => $"wrong password {i}"),
            ("wrong, app passwords", "five@example.test", i => $"wrong password {i}"),
            ("disabled, right", "disabled@example.test", i => i == 0 ? TestDirectory.Password : $"wrong password {i}"),
            ("without a password", "without@example.test", i => $"wrong password {i}"),
            ("unknown", "unknown@example.test", i => $"wrong password {i}"),
        ];
    }

    private static AppPassword Old(string id, string password, int iterations = 4096) =>
        new(id, "device", ScramVerifier.Create(password, iterations), default);

    private List<string> WithAppPasswords(string address, int count, ScramVerifier? own = null)
    {
        var made = Enumerable.Range(0, count).Select(_ => GeneratedPassword.Create([])).ToList();
        _store.AddAccount(address, a => a with
        {
            Password = own ?? a.Password,
            AppPasswords = [.. made.Select(m => new AppPassword(m.Id, "device", m.Verifier, default))],
        });
        return [.. made.Select(m => m.Password)];
    }
}
