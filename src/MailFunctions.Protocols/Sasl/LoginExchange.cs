using System.Net;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Sasl;

/// <summary>
/// LOGIN (draft-murchison-sasl-login): never standardized, still what some clients speak. Some of them send the name as an
/// initial response, and servers take it.
/// </summary>
internal sealed class LoginExchange(IAuthenticator authenticator, IPAddress client) : ISaslExchange
{
    private string? _login;

    public byte[] FirstChallenge => "Username:"u8.ToArray();

    public async ValueTask<SaslStep> StepAsync(ReadOnlyMemory<byte> response, CancellationToken cancellationToken)
    {
        if (!PlainExchange.TryDecode(response.Span, out var text) || text.Length == 0)
        {
            return new SaslStep.Malformed();
        }

        if (_login is null)
        {
            _login = text;
            return new SaslStep.Challenge("Password:"u8.ToArray());
        }

        return PlainExchange.Outcome(await authenticator.CheckPasswordAsync(_login, text, client, cancellationToken));
    }
}
