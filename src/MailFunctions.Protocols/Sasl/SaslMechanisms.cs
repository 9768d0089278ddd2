using System.Net;
using MailFunctions.Core.Accounts;
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
    public static IReadOnlyList<string> Offered(TlsDetails? tls, bool allowPlaintextCredentials) =>
        tls is { ServerEndPointBinding: not null } or { ExporterBinding: not null } ? WithBinding
        : tls is not null || allowPlaintextCredentials ? WithoutBinding
        : [];

    /// <summary>Begins an exchange, or null when the mechanism is not offered.</summary>
    public static ISaslExchange? Begin(
        string name, TlsDetails? tls, bool allowPlaintextCredentials, IAuthenticator authenticator, IPAddress client)
    {
        var offered = Offered(tls, allowPlaintextCredentials);
        if (!offered.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            return null;
        }

        return name.ToUpperInvariant() switch
        {
            Plain => new PlainExchange(authenticator, client),
            Login => new LoginExchange(authenticator, client),
            Scram => new ScramExchange(authenticator, client, tls, plus: false),
            _ => new ScramExchange(authenticator, client, tls, plus: true),
        };
    }

    private static readonly string[] WithoutBinding = [Scram, Plain, Login];
    private static readonly string[] WithBinding = [ScramPlus, Scram, Plain, Login];
}
