namespace MailFunctions.Core.Dkim;

/// <summary>
/// Where private DKIM keys are, each by a name that is never used twice. Tables hold the names alone. Throws
/// <see cref="Messages.StoreUnavailableException"/> when it can't be reached.
/// </summary>
public interface IDkimKeyStore
{
    /// <summary>The key as PKCS#8 in PEM (RFC 7468 §10); null when there is none.</summary>
    Task<string?> FindAsync(string name, CancellationToken cancellationToken);

    Task PutAsync(string name, string pem, CancellationToken cancellationToken);

    /// <summary>Nothing happens when there is none.</summary>
    Task DeleteAsync(string name, CancellationToken cancellationToken);
}
