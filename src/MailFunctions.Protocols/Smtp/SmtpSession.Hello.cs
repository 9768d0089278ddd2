using System.Globalization;
using MailFunctions.Protocols.Sasl;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Smtp;

public sealed partial class SmtpSession
{
    // RFC 5321 §4.1.1.1
    private async ValueTask<SmtpReply?> HelloAsync(string argument, bool esmtp)
    {
        if (!HelloName.IsTaken(argument))
        {
            return SmtpReplies.BadHelo;
        }

        await ResetAsync(); // RFC 5321 §4.1.4: EHLO also resets
        _helo = argument;
        _esmtp = esmtp;
        _client = null;
        return new SmtpReply(250, "", esmtp ? string.Join('\n', [Welcome(), .. Extensions()]) : Welcome());
    }

    private string Welcome() => $"{listener.HostName} greets {HelloName.AsText(_helo!)}";

    /// <summary>Exactly what applies to this listener, now.</summary>
    private IEnumerable<string> Extensions()
    {
        yield return "PIPELINING"; // RFC 2920
        yield return string.Create(CultureInfo.InvariantCulture, $"SIZE {listener.Limits.MessageOctets}"); // RFC 1870
        yield return "8BITMIME"; // RFC 6152
        yield return "SMTPUTF8"; // RFC 6531
        yield return "ENHANCEDSTATUSCODES"; // RFC 2034
        yield return "CHUNKING"; // RFC 3030
        yield return "DSN"; // RFC 3461
        yield return string.Create(CultureInfo.InvariantCulture, $"LIMITS RCPTMAX={listener.Limits.Recipients}"); // RFC 9422
        if (connection.CanStartTls)
        {
            yield return "STARTTLS"; // RFC 3207
        }

        if (connection.Tls is not null)
        {
            yield return "REQUIRETLS"; // RFC 8689 §2: only announced under TLS
        }

        if (!listener.IsSubmission)
        {
            yield break;
        }

        var hold = listener.Limits.MaxHoldSeconds;
        yield return string.Create(CultureInfo.InvariantCulture, // RFC 4865 §4
            $"FUTURERELEASE {hold} {services.Time.GetUtcNow().AddSeconds(hold).UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}");
        if (_account is null && SaslMechanisms.Offered(listener, connection) is { Count: > 0 } mechanisms)
        {
            yield return "AUTH " + string.Join(' ', mechanisms); // RFC 4954
        }
    }

    // RFC 3207
    private async ValueTask<SmtpReply?> StartTlsAsync(CancellationToken abort)
    {
        switch (await TlsUpgrade.RunAsync(connection, _input, SayReadyForTlsAsync, abort))
        {
            case TlsUpgradeResult.AlreadyActive:
                return SmtpReplies.TlsActive;
            case TlsUpgradeResult.Unavailable:
                return SmtpReplies.TlsUnavailable;
            case TlsUpgradeResult.Failed:
                return Silently(SessionEnd.TlsFailed);
        }

        // RFC 3207 §4.2: everything that was said before is forgotten.
        await ResetAsync();
        _helo = null;
        _account = null;
        _client = null;
        return null;
    }

    private async ValueTask SayReadyForTlsAsync()
    {
        await SettleAsync();
        Send(SmtpReplies.ReadyForTls);
    }
}
