using System.Buffers;
using System.Buffers.Text;
using System.Text;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Sasl;

/// <summary>
/// The dialogue behind AUTH (RFC 4954 §4, RFC 5034 §4) and AUTHENTICATE (RFC 3501 §6.2.2): base64 challenges and responses,
/// line by line, until the exchange has an outcome. The protocols differ in how a challenge is written, and in their replies.
/// </summary>
internal sealed class SaslDialogue(
    ISessionConnection connection, SessionInput input, SessionListener listener, IAuthenticator authenticator)
{
    /// <param name="argument">The mechanism and, behind a blank, its initial response; `=` is an empty one.</param>
    /// <param name="challenge">Writes a challenge, which is base64 already.</param>
    public async ValueTask<SaslOutcome> RunAsync(string argument, Action<string> challenge, CancellationToken abort)
    {
        var words = argument.Split(' ', 2);
        if (SaslMechanisms.Begin(words[0], listener, connection, authenticator) is not { } exchange)
        {
            return new SaslOutcome.NoMechanism();
        }

        var (outcome, response) = words.Length == 2
            ? Decode(Encoding.UTF8.GetBytes(words[1] == "=" ? "" : words[1]))
            : await AskAsync(exchange.FirstChallenge, challenge, abort);
        while (outcome is null)
        {
            var step = await exchange.StepAsync(response, abort);
            Array.Clear(response);
            switch (step)
            {
                case SaslStep.Challenge next:
                    (outcome, response) = await AskAsync(next.Octets, challenge, abort);
                    break;
                case SaslStep.Succeeded succeeded:
                    return new SaslOutcome.Checked(new AuthenticationResult.Authenticated(succeeded.Account));
                case SaslStep.Failed failed:
                    return new SaslOutcome.Checked(failed.Why);
                default:
                    return new SaslOutcome.Malformed();
            }
        }

        return outcome;
    }

    /// <summary>Sends a challenge and waits for the response; without one, the outcome.</summary>
    private async ValueTask<(SaslOutcome? Outcome, byte[] Response)> AskAsync(
        byte[] octets, Action<string> challenge, CancellationToken abort)
    {
        challenge(Convert.ToBase64String(octets));
        var (status, line) = await input.ReadLineAsync(
            SaslMechanisms.LineOctets, listener.CommandTimeout, static l => l.ToArray(), abort);
        return status != InputStatus.Ready ? (new SaslOutcome.NoResponse(status), [])
            : line is [(byte)'*'] ? (new SaslOutcome.Cancelled(), [])
            : Decode(line!);
    }

    /// <summary>Strict (RFC 4954 §4): no blanks, whole quanta. The line may be a password: it is cleared.</summary>
    private static (SaslOutcome? Outcome, byte[] Response) Decode(byte[] text)
    {
        try
        {
            if (text.AsSpan().ContainsAny(" \t\r\n"u8) || !Base64.IsValid(text, out var length))
            {
                return (new SaslOutcome.Malformed(), []);
            }

            var octets = new byte[length];
            return Base64.DecodeFromUtf8(text, octets, out _, out var written) == OperationStatus.Done && written == length
                ? (null, octets)
                : (new SaslOutcome.Malformed(), []);
        }
        finally
        {
            Array.Clear(text);
        }
    }
}
