using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Accounts;

/// <summary>Salts that SCRAM gives out: they don't tell which accounts there are.</summary>
public sealed class DecoyVerifierTests
{
    private const string Alice = "alice@example.test";
    private const string Nobody = "nobody@example.test";

    private readonly ManualTime _time = new();
    private readonly TestDirectory _store = new();

    [Fact]
    public async Task FindScram_ByAnotherEdgeOrAfterARestart_HasTheSameSaltForEveryName()
    {
        _store.AddAccount(Alice);
        var keys = new Keys();
        using var one = new TestLogins(_store, _time, new LoginOptions(), keys);
        using var other = new TestLogins(_store, _time, new LoginOptions(), keys);

        Assert.Equal(await SaltAsync(one, Alice), await SaltAsync(other, Alice));
        Assert.Equal(await SaltAsync(one, Nobody), await SaltAsync(other, Nobody));
        Assert.Equal(1, keys.Reads / 2); // once a process
    }

    [Fact]
    public async Task FindScram_AccountDisabled_KeepsItsSaltAndNoProofIsRight()
    {
        var account = _store.AddAccount(Alice);
        using var logins = new TestLogins(_store, _time, new LoginOptions());
        var before = await SaltAsync(logins, Alice);
        _store.Put(account with { Enabled = false });
        _time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(before, await SaltAsync(logins, Alice));
        Assert.Null((await FindAsync(logins, Alice)).Account);
    }

    /// <summary>The key is asked for whoever it is: an outage tells nothing either.</summary>
    [Theory]
    [InlineData(Alice)]
    [InlineData(Nobody)]
    public async Task FindScram_KeyAway_IsUnavailableForEveryName(string login)
    {
        _store.AddAccount(Alice);
        using var logins = new TestLogins(_store, _time, new LoginOptions(), new Keys { IsAway = true });

        var refused =
            Assert.IsType<ScramLookup.Refused>(
                await logins.Authenticator.FindScramAsync(login, IPAddress.Loopback, CancellationToken.None));
        Assert.IsType<AuthenticationResult.Unavailable>(refused.Why);
    }

    private static async Task<byte[]> SaltAsync(TestLogins logins, string login) => (await FindAsync(logins, login)).Verifier.Salt;

    private static async Task<ScramCredential> FindAsync(TestLogins logins, string login) =>
        Assert.IsType<ScramLookup.Found>(await logins.Authenticator.FindScramAsync(login, IPAddress.Loopback, CancellationToken.None))
            .Credential;

    private sealed class Keys : ISharedKeys
    {
        public int Reads { get; private set; }

        public bool IsAway { get; init; }

        public ValueTask<byte[]> GetAsync(string name, CancellationToken cancellationToken)
        {
            Reads++;
            return IsAway ? throw new StoreUnavailableException("away") : ValueTask.FromResult(Enumerable.Repeat((byte)7, 32).ToArray());
        }
    }
}
