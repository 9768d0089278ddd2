using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts;

/// <summary>`/api/accounts/{address}`.</summary>
internal sealed class AccountResource(
    IDirectoryStore store, TimeProvider time) : EntryResource<AccountEntry>("account", AccountRoutes.Group, store)
{
    public AccountEntry New(EmailAddress address) => new()
    {
        Address = address,
        MailboxId = Guid.CreateVersion7(time.GetUtcNow()).ToString("N"),
        CreatedAt = time.GetUtcNow(),
    };

    public override IResult MalformedName() => ApiProblems.Invalid("address", "This is not an address of the form local-part@domain.");

    protected override string Occupied(string address) => $"'{address}' is an alias: delete it first.";
}
