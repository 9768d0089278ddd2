using System.Buffers;
using System.Buffers.Text;
using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Protocols.Sasl;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Smtp;

public sealed partial class SmtpSession
{
    // RFC 4954 §4
    private async ValueTask<SmtpReply?> AuthAsync(string argument, CancellationToken abort)
    {
        var words = argument.Split(' ', 2);
        if (!listener.IsSubmission)
        {
            return SmtpReplies.AuthUnavailable;
        }

        if (_account is not null || _transaction is not null)
        {
            return SmtpReplies.AuthTwice;
        }

        if (connection.Tls is null && !listener.AllowPlaintextCredentials)
        {
            return SmtpReplies.AuthNeedsTls;
        }

        if (SaslMechanisms.Begin(
            words[0], connection.Tls, listener.AllowPlaintextCredentials, services.Authenticator, connection.RemoteEndPoint.Address) is not { } exchange)
        {
            return SmtpReplies.AuthMechanism;
        }

        byte[] response;
        if (words.Length == 2 && !exchange.ServerFirst)
        {
            if (!TryDecodeBase64(words[1] == "=" ? "" : words[1], out response)) // "=" is an empty initial response
            {
                return SmtpReplies.AuthMalformed;
            }
        }
        else
        {
            var (refusal, answer) = await AskAsync(exchange.FirstChallenge, abort);
            if (answer is null)
            {
                return refusal;
            }

            response = answer;
        }

        return await ExchangeAsync(exchange, response, abort);
    }

    private async ValueTask<SmtpReply?> ExchangeAsync(ISaslExchange exchange, byte[] response, CancellationToken abort)
    {
        while (true)
        {
            var step = await exchange.StepAsync(response, abort);
            Array.Clear(response);
            switch (step)
            {
                case SaslStep.Succeeded succeeded:
                    _account = succeeded.Account;
                    _client = null;
                    return SmtpReplies.Authenticated;
                case SaslStep.Challenge challenge:
                    var (refusal, answer) = await AskAsync(challenge.Octets, abort);
                    if (answer is null)
                    {
                        return refusal;
                    }

                    response = answer;
                    break;
                case SaslStep.Failed { Why: AuthenticationResult.Throttled }:
                    return Ending(SmtpReplies.AuthThrottled, SmtpSessionEnd.Throttled);
                case SaslStep.Failed { Why: AuthenticationResult.Unavailable }:
                    return SmtpReplies.AuthTemporary;
                case SaslStep.Failed:
                    return SmtpReplies.AuthRejected;
                default:
                    return SmtpReplies.AuthMalformed;
            }
        }
    }

    /// <summary>Sends a challenge and waits for the response; without one, the reply that ends the exchange.</summary>
    private async ValueTask<(SmtpReply? Refusal, byte[]? Response)> AskAsync(byte[] challenge, CancellationToken abort)
    {
        Send(new SmtpReply(334, "", Convert.ToBase64String(challenge)));
        var (status, line) = await _input.ReadLineAsync(
            SaslMechanisms.LineOctets, listener.Limits.CommandTimeout, static l => l.ToArray(), abort);
        switch (status)
        {
            case InputStatus.Ready when line is [(byte)'*']:
                return (SmtpReplies.AuthCancelled, null);
            case InputStatus.Ready:
                var good = TryDecodeBase64(line, out var response);
                Array.Clear(line!);
                return good ? (null, response) : (SmtpReplies.AuthMalformed, null);
            case InputStatus.LineTooLong:
                return (Ending(SmtpReplies.AuthLineTooLong, SmtpSessionEnd.ProtocolError), null);
            case InputStatus.BareLineBreak:
                return (Ending(SmtpReplies.BareLineBreak, SmtpSessionEnd.ProtocolError), null);
            case InputStatus.TimedOut:
                return (Ending(SmtpReplies.CommandTimeout, SmtpSessionEnd.TimedOut), null);
            case InputStatus.Draining:
                return (Ending(SmtpReplies.ShuttingDown, SmtpSessionEnd.Drained), null);
            case InputStatus.NotReading:
                return (Silently(SmtpSessionEnd.NotReading), null);
            case InputStatus.TlsBroken:
                return (Silently(SmtpSessionEnd.TlsBroken), null);
            default:
                return (Silently(SmtpSessionEnd.ClientClosed), null);
        }
    }

    private static bool TryDecodeBase64(string text, out byte[] octets) => TryDecodeBase64(Encoding.UTF8.GetBytes(text), out octets);

    /// <summary>Strict (RFC 4954 §4): no blanks, whole quanta.</summary>
    private static bool TryDecodeBase64(ReadOnlySpan<byte> text, out byte[] octets)
    {
        octets = [];
        if (text.ContainsAny(" \t\r\n"u8) || !Base64.IsValid(text, out var length))
        {
            return false;
        }

        octets = new byte[length];
        return Base64.DecodeFromUtf8(text, octets, out _, out var written) == OperationStatus.Done && written == length;
    }
}
