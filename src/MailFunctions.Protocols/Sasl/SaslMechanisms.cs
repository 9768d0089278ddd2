using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Sasl;

/// <summary>The mechanisms, and when each is offered.</summary>
public static class SaslMechanisms
{
    /// <summary>RFC 4954 §4.5: longest base64 line of an exchange, in octets with CRLF.</summary>
    public const int LineOctets = 12_288;

    private const string Plain = "PLAIN";
    private const string Login = "LOGIN";
    private const string Scram = "SCRAM-SHA-256";
    private const string ScramPlus = "SCRAM-SHA-256-PLUS";

    /// <summary>Names to announce, strongest first; none where credentials may not be sent.</summary>
    public static IReadOnlyList<string> Offered(SessionListener listener, ISessionConnection connection) =>
        !listener.MayLogIn(connection) ? []
        : connection.Tls is { ServerEndPointBinding: not null } or { ExporterBinding: not null } ? WithBinding
        : WithoutBinding;

    /// <summary>Begins an exchange, or null when the mechanism is not offered.</summary>
    public static ISaslExchange? Begin(
        string name, SessionListener listener, ISessionConnection connection, IAuthenticator authenticator)
    {
        if (!Offered(listener, connection).Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            return null;
        }

        var client = connection.RemoteEndPoint.Address;
        return name.ToUpperInvariant() switch
        {
            Plain => new PlainExchange(authenticator, client),
            Login => new LoginExchange(authenticator, client),
            Scram => new ScramExchange(authenticator, client, connection.Tls, plus: false),
            _ => new ScramExchange(authenticator, client, connection.Tls, plus: true),
        };
    }

    private static readonly string[] WithoutBinding = [Scram, Plain, Login];
    private static readonly string[] WithBinding = [ScramPlus, Scram, Plain, Login];
}
