using MailFunctions.Core.Accounts;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Sasl;

/// <summary>The server's next move in an exchange (RFC 4422 §3).</summary>
public abstract record SaslStep
{
    /// <summary>Octets for the client; its answer goes into the next step.</summary>
    public sealed record Challenge(byte[] Octets) : SaslStep;

    /// <summary>The exchange succeeded.</summary>
    public sealed record Succeeded(AuthenticatedAccount Account) : SaslStep;

    /// <summary>The exchange failed: credentials, throttle, or the directory.</summary>
    public sealed record Failed(AuthenticationResult Why) : SaslStep
    {
        public static Failed Rejected { get; } = new(new AuthenticationResult.Rejected());
    }

    /// <summary>The client's response breaks the mechanism's grammar (`501 5.5.2`).</summary>
    public sealed record Malformed : SaslStep;
}

/// <summary>The server's side of one exchange.</summary>
public interface ISaslExchange
{
    /// <summary>RFC 4422 §3: what to send when the client gave no initial response; empty when the client speaks first.</summary>
    byte[] FirstChallenge { get; }

    ValueTask<SaslStep> StepAsync(ReadOnlyMemory<byte> response, CancellationToken cancellationToken);
}
