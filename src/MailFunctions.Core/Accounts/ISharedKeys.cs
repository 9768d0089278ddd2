namespace MailFunctions.Core.Accounts;

/// <summary>
/// Random keys that all processes of a system share. They are as safe as the tables are: nothing that has to hold when those
/// leak is made from them.
/// </summary>
public interface ISharedKeys
{
    /// <summary>The key of that name, 32 octets; made when there is none.</summary>
    /// <exception cref="Messages.StoreUnavailableException">It can't be read now.</exception>
    ValueTask<byte[]> GetAsync(string name, CancellationToken cancellationToken);
}
