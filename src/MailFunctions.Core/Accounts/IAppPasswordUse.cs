using MailFunctions.Core.Addresses;

namespace MailFunctions.Core.Accounts;

/// <summary>When app passwords were last used: beside the accounts, so that a login changes no account's version.</summary>
public interface IAppPasswordUse
{
    /// <summary>Notes a use; an older one than is there may replace it.</summary>
    /// <param name="address">The account's, by which housekeeping finds notes that are out of date.</param>
    Task RecordAsync(string mailboxId, EmailAddress address, string appPasswordId, DateTimeOffset at, CancellationToken cancellationToken);

    /// <summary>The last uses of an account's app passwords, by id: one partition query.</summary>
    Task<IReadOnlyDictionary<string, DateTimeOffset>> ReadAsync(string mailboxId, CancellationToken cancellationToken);
}
