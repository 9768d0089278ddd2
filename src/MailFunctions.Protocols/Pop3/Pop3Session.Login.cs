using System.Globalization;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sasl;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Pop3;

public sealed partial class Pop3Session
{
    private bool MayLogIn => listener.MayLogIn(connection);

    // RFC 2449 §5
    private ValueTask Capa()
    {
        Say("+OK Capabilities");
        Say("TOP");
        Say("UIDL");
        Say("RESP-CODES");
        Say("AUTH-RESP-CODE"); // RFC 3206
        Say("PIPELINING");
        Say(Expire());
        if (listener.LoginDelaySeconds is { } delay)
        {
            Say(string.Create(CultureInfo.InvariantCulture, $"LOGIN-DELAY {delay}"));
        }

        Say("UTF8"); // RFC 6856
        Say("LANG");
        if (_maildrop is null)
        {
            if (connection.CanStartTls)
            {
                Say("STLS"); // RFC 2595 §4
            }

            if (MayLogIn)
            {
                Say("USER");
                Say("SASL " + string.Join(' ', SaslMechanisms.Offered(listener, connection))); // RFC 5034
            }
        }

        Say("IMPLEMENTATION MailFunctions");
        Say(".");
        return ValueTask.CompletedTask;
    }

    // RFC 2449 §6.7: before the login, the least that any account's rule may say.
    private string Expire() => _account switch
    {
        null => "EXPIRE 1 USER",
        { ExpireAfterDays: { } days } => string.Create(CultureInfo.InvariantCulture, $"EXPIRE {days}"),
        _ => "EXPIRE NEVER",
    };

    // RFC 2595 §4
    private async ValueTask StlsAsync(CancellationToken abort)
    {
        switch (await TlsUpgrade.RunAsync(connection, _input, SayBeginTls, abort))
        {
            case TlsUpgradeResult.AlreadyActive:
                Fail("-ERR TLS is active already");
                return;
            case TlsUpgradeResult.Unavailable:
                Fail("-ERR STLS is not available");
                return;
            case TlsUpgradeResult.Failed:
                _end = SessionEnd.TlsFailed;
                return;
        }

        _user = null; // what was said in plaintext is forgotten
    }

    private ValueTask SayBeginTls()
    {
        Say("+OK Begin TLS");
        return ValueTask.CompletedTask;
    }

    private ValueTask User(string name)
    {
        if (!MayLogIn)
        {
            Fail("-ERR [AUTH] Send STLS first: passwords are not taken without encryption");
        }
        else if (name.Length == 0)
        {
            Fail("-ERR USER needs a name");
        }
        else
        {
            _user = name;
            Say("+OK Send PASS"); // also for an unknown name
        }

        return ValueTask.CompletedTask;
    }

    private async ValueTask PassAsync(string password, CancellationToken abort)
    {
        if (!MayLogIn)
        {
            Fail("-ERR [AUTH] Send STLS first: passwords are not taken without encryption");
            return;
        }

        if (_user is null)
        {
            Fail("-ERR Send USER first");
            return;
        }

        // All behind the one blank is the password (RFC 1939 §7: it may hold blanks).
        var result = await services.Authenticator.CheckPasswordAsync(_user, password, connection.RemoteEndPoint.Address, abort);
        _user = null;
        await EnterAsync(result, abort);
    }

    // RFC 5034
    private async ValueTask AuthAsync(string argument, CancellationToken abort)
    {
        if (argument.Length == 0)
        {
            // Before RFC 5034, AUTH alone listed the mechanisms; old clients still ask so.
            Say("+OK Mechanisms");
            foreach (var name in SaslMechanisms.Offered(listener, connection))
            {
                Say(name);
            }

            Say(".");
            return;
        }

        if (!MayLogIn)
        {
            Fail("-ERR [AUTH] Send STLS first: credentials are not taken without encryption");
            return;
        }

        var dialogue = new SaslDialogue(connection, _input, listener, services.Authenticator);
        switch (await dialogue.RunAsync(argument, challenge => Say("+ " + challenge), abort))
        {
            case SaslOutcome.Checked { Result: var result }:
                await EnterAsync(result, abort);
                break;
            case SaslOutcome.NoMechanism:
                Fail("-ERR This mechanism is not available");
                break;
            case SaslOutcome.NoResponse { Status: var status }:
                EndBy(status);
                break;
            default:
                Fail("-ERR The exchange was cancelled, or the response can't be decoded");
                break;
        }
    }

    /// <summary>From a login's outcome to the TRANSACTION state, or the refusal with its code (RFC 2449 §8, RFC 3206).</summary>
    private async ValueTask EnterAsync(AuthenticationResult result, CancellationToken abort)
    {
        switch (result)
        {
            case AuthenticationResult.Authenticated login:
                await OpenAsync(login.Account, abort);
                break;
            case AuthenticationResult.Throttled throttled:
                End(SessionEnd.Throttled, string.Create(CultureInfo.InvariantCulture,
                    $"-ERR [LOGIN-DELAY] Too many failed logins: try again in {Math.Ceiling(throttled.RetryAfter.TotalSeconds)} s"));
                break;
            case AuthenticationResult.Unavailable:
                Fail("-ERR [SYS/TEMP] Logins can't be checked now: try again later");
                break;
            default:
                Fail("-ERR [AUTH] Name or password is wrong");
                break;
        }
    }

    private async ValueTask OpenAsync(AuthenticatedAccount account, CancellationToken abort)
    {
        if (services.Pace?.TryEnter(account) is { Ticks: > 0 } left)
        {
            Fail(string.Create(CultureInfo.InvariantCulture,
                $"-ERR [LOGIN-DELAY] Wait {Math.Ceiling(left.TotalSeconds)} s before the next login"));
            return;
        }

        switch (await services.Maildrops.OpenAsync(account, abort))
        {
            case MaildropOpening.Opened opened:
                _maildrop = opened.Maildrop;
                _account = account;
                _login = new OpenLogin(account, services.Logins, services.Time);
                _input.MaxUnsentOctets = FlushEvery; // messages of a client that pipelines RETR leave together
                services.Events.LoggedIn(connection.RemoteEndPoint.Address, account, _maildrop.Count);
                Say(string.Create(CultureInfo.InvariantCulture, $"+OK {_maildrop.Count} messages ({_maildrop.Bytes} octets)"));
                break;
            case MaildropOpening.InUse:
                Fail("-ERR [IN-USE] Another session has this maildrop: try again when it has ended");
                break;
            default:
                Fail("-ERR [SYS/TEMP] The maildrop can't be opened now: try again later");
                break;
        }
    }

    // RFC 6856 §2.1: messages go out as they came in either mode, which §1.1 leaves to the server.
    private ValueTask Utf8(string argument)
    {
        if (argument.Length > 0)
        {
            Fail("-ERR UTF8 takes no argument");
        }
        else
        {
            Say("+OK UTF8 mode");
        }

        return ValueTask.CompletedTask;
    }

    // RFC 6856 §3: i-default is what every server has.
    private ValueTask Lang(string argument)
    {
        if (argument.Length == 0)
        {
            Say("+OK Languages");
            Say("en English");
            Say("i-default Default");
            Say(".");
        }
        else if (argument.ToLowerInvariant() is "*" or "en" or "i-default")
        {
            Say("+OK en Replies are in English");
        }
        else
        {
            Fail("-ERR This language is not available");
        }

        return ValueTask.CompletedTask;
    }
}
