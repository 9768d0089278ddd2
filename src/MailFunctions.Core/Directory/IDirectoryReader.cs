using MailFunctions.Core.Addresses;

namespace MailFunctions.Core.Directory;

/// <summary>
/// Reads the tables `domains` and `directory`. Throws <see cref="Messages.StoreUnavailableException"/> when they can't be
/// read.
/// </summary>
public interface IDirectoryReader
{
    ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken);

    /// <summary>One point read by the address's own key: no tag, no catch-all.</summary>
    ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken);
}
