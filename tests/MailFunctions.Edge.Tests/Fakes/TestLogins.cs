using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.TestKit;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>What checks logins, put together as the edge does it, over a directory in memory.</summary>
internal sealed class TestLogins : IDisposable
{
    private readonly CachedDirectory _directory;
    private readonly KnownPasswords _known;

    public TestLogins(TestDirectory directory, ManualTime time, LoginOptions options, ISharedKeys? keys = null, KeptPasswords? kept = null)
    {
        var given = Options.Create(options);
        _directory = new CachedDirectory(directory, given, time);
        _known = new KnownPasswords(given, time);
        Throttle = new LoginThrottle(given, time);
        Checks = new PasswordChecks(_known, new DerivationQueue(given, time), Throttle, kept);
        Authenticator = new DirectoryAuthenticator(_directory, Throttle, Checks, new DecoyVerifiers(keys), time, Log);
    }

    public LoginThrottle Throttle { get; }

    public PasswordChecks Checks { get; }

    public DirectoryAuthenticator Authenticator { get; }

    public TestLog<DirectoryAuthenticator> Log { get; } = new();

    public async Task<AuthenticationResult> CheckAsync(string login, string password, string client = "192.0.2.1") =>
        await Authenticator.CheckPasswordAsync(login, password, IPAddress.Parse(client), Xunit.TestContext.Current.CancellationToken);

    public void Dispose()
    {
        Throttle.Dispose();
        _known.Dispose();
        _directory.Dispose();
    }
}
