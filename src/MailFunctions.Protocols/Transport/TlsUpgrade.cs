namespace MailFunctions.Protocols.Transport;

/// <summary>What came of STARTTLS or STLS.</summary>
internal enum TlsUpgradeResult
{
    /// <summary>TLS is active; what was said in plaintext does not count (RFC 3207 §4.2, RFC 2595 §4).</summary>
    Done,

    /// <summary>It was active before.</summary>
    AlreadyActive,

    /// <summary>The listener has no certificate.</summary>
    Unavailable,

    /// <summary>The handshake failed: the connection is of no use any more.</summary>
    Failed,
}

/// <summary>The switch of a session to TLS, for all protocols.</summary>
internal static class TlsUpgrade
{
    /// <param name="sayReady">Writes the reply after which the client begins its handshake.</param>
    public static async ValueTask<TlsUpgradeResult> RunAsync(
        ISessionConnection connection, SessionInput input, Func<ValueTask> sayReady, CancellationToken abort)
    {
        if (connection.Tls is not null)
        {
            return TlsUpgradeResult.AlreadyActive;
        }

        if (!connection.CanStartTls)
        {
            return TlsUpgradeResult.Unavailable;
        }

        await sayReady();
        return await input.FlushAsync(SessionInput.LastWords, abort) && await connection.StartTlsAsync(abort)
            ? TlsUpgradeResult.Done
            : TlsUpgradeResult.Failed;
    }
}
