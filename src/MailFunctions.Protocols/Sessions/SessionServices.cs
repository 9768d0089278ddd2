using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Sessions;

/// <summary>The ports that sessions of every protocol have; the same for all of them.</summary>
public abstract record SessionServices
{
    public required IAuthenticator Authenticator { get; init; }

    /// <summary>Asked again while a session lasts.</summary>
    public required IOpenLogins Logins { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Cancelled when the server is to stop: idle sessions end, a message on its way is finished.</summary>
    public CancellationToken Drain { get; init; }
}
