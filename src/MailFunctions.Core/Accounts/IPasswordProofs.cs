namespace MailFunctions.Core.Accounts;

/// <summary>
/// Names of passwords that were right, shared by all edges and there after a restart. A name is an HMAC under a key that only
/// the edges have and no table holds: without it, it says nothing of the password.
/// </summary>
public interface IPasswordProofs
{
    /// <summary>When it was written; null: it is not there.</summary>
    /// <exception cref="Messages.StoreUnavailableException">It can't be read now.</exception>
    ValueTask<DateTimeOffset?> FindAsync(string name, CancellationToken cancellationToken);

    /// <inheritdoc cref="FindAsync"/>
    Task WriteAsync(string name, DateTimeOffset at, CancellationToken cancellationToken);
}
