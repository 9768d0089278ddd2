using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Functions.Dkim;

/// <summary>Removes selectors that have been retiring for long enough, and their private keys.</summary>
internal sealed class RetiredSelectors(IDirectoryStore directory, DkimKeyring keyring, TimeProvider time) : IHousekeepingTask
{
    private const int MaxDomains = 200;

    public string Name => "retired DKIM selectors";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var done = 0;
        foreach (var domain in await directory.ListRetiredDkimAsync(now, MaxDomains, cancellationToken))
        {
            var due = domain.DkimKeys.Where(k => k.RemoveAt <= now).ToList();
            // The keys first: nothing is signed with them, and a row that still names them is found again.
            if (due.Count == 0 || !await keyring.DropAsync(due))
            {
                continue;
            }

            var left = domain with { DkimKeys = [.. domain.DkimKeys.Except(due)] };
            if ((await directory.PutDomainAsync(left, cancellationToken)).Result == WriteResult.Replaced)
            {
                done += due.Count;
            }
        }

        return done;
    }
}
