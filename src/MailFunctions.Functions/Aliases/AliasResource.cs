using MailFunctions.Core.Directory;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Aliases;

/// <summary>`/api/aliases/{address}`.</summary>
internal sealed class AliasResource(IDirectoryStore store) : EntryResource<AliasEntry>("alias", AliasRoutes.Group, store)
{
    public override IResult MalformedName() =>
        ApiProblems.Invalid("address", "This is not an address of the form local-part@domain, or *@domain.");

    protected override string Occupied(string address) => $"'{address}' is an account.";
}
