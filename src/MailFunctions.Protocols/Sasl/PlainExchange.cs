using System.Net;
using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Sasl;

/// <summary>PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd`.</summary>
internal sealed class PlainExchange(IAuthenticator authenticator, IPAddress client) : ISaslExchange
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public byte[] FirstChallenge => [];

    public async ValueTask<SaslStep> StepAsync(ReadOnlyMemory<byte> response, CancellationToken cancellationToken)
    {
        if (!TryParse(response.Span, out var authorization, out var login, out var password))
        {
            return new SaslStep.Malformed();
        }

        // RFC 4616 §2: acting for another account is not offered.
        if (authorization.Length > 0 && !IsSame(authorization, login))
        {
            return SaslStep.Failed.Rejected;
        }

        return Outcome(await authenticator.CheckPasswordAsync(login, password, client, cancellationToken));
    }

    internal static SaslStep Outcome(AuthenticationResult result) => result is AuthenticationResult.Authenticated ok
        ? new SaslStep.Succeeded(ok.Account)
        : new SaslStep.Failed(result);

    internal static bool TryDecode(ReadOnlySpan<byte> octets, out string text)
    {
        try
        {
            text = Utf8.GetString(octets);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = "";
            return false;
        }
    }

    private static bool TryParse(ReadOnlySpan<byte> message, out string authorization, out string login, out string password)
    {
        login = password = authorization = "";
        var first = message.IndexOf((byte)0);
        if (first < 0)
        {
            return false;
        }

        var second = message[(first + 1)..].IndexOf((byte)0);
        if (second < 1)
        {
            return false;
        }

        var secret = message[(first + second + 2)..];
        return !secret.IsEmpty && !secret.Contains((byte)0)
            && TryDecode(message[..first], out authorization)
            && TryDecode(message.Slice(first + 1, second), out login)
            && TryDecode(secret, out password);
    }

    private static bool IsSame(string authorization, string login) =>
        EmailAddress.Parse(authorization) is { } a ? a.Equals(EmailAddress.Parse(login)) : authorization == login;
}
