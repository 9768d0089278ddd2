using MailFunctions.Core.Accounts;

namespace MailFunctions.Core.Sessions;

/// <summary>What a server needs for a SCRAM exchange (RFC 5802 §3).</summary>
/// <param name="Account">
/// Null for an unknown or disabled account: the exchange runs with a made-up, stable salt, or its own, and fails at its end.
/// </param>
public sealed record ScramCredential(AuthenticatedAccount? Account, ScramVerifier Verifier);

/// <summary>The answer to the question for a verifier.</summary>
public abstract record ScramLookup
{
    public sealed record Found(ScramCredential Credential) : ScramLookup;

    /// <param name="Why"><see cref="AuthenticationResult.Throttled"/> or <see cref="AuthenticationResult.Unavailable"/>.</param>
    public sealed record Refused(AuthenticationResult Why) : ScramLookup;
}
