using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;

namespace MailFunctions.Functions.Aliases;

/// <summary>Looks where the targets of a new alias lead, by the same steps that mail for them would take.</summary>
internal static class AliasChains
{
    /// <summary>
    /// Null, or why the alias can't be: a circle, or more than <see cref="RecipientResolver.MaxDepth"/> behind one another.
    /// </summary>
    public static async Task<string?> FindFaultAsync(
        EmailAddress name, IReadOnlyList<EmailAddress> targets, IDirectoryReader directory, CancellationToken cancellationToken)
    {
        var seen = new HashSet<EmailAddress>();
        var next = new Queue<(EmailAddress Address, int Depth)>(targets.Select(t => (t, 1)));
        while (next.TryDequeue(out var at) && seen.Count < RecipientResolver.MaxTargets)
        {
            if (!seen.Add(at.Address))
            {
                continue;
            }

            switch (await NextAsync(name, at.Address, directory, cancellationToken))
            {
                case AliasEntry alias when alias.Address.Equals(name):
                    return $"Mail would go round in circles by way of '{at.Address.ToCanonicalString()}'.";
                case AliasEntry when at.Depth >= RecipientResolver.MaxDepth:
                    return $"More than {RecipientResolver.MaxDepth} aliases would stand behind one another.";
                case AliasEntry alias:
                    foreach (var target in alias.Targets)
                    {
                        next.Enqueue((target, at.Depth + 1));
                    }

                    break;
            }
        }

        return null;
    }

    /// <summary>What an address leads to, as if the new alias were there already.</summary>
    private static async Task<DirectoryEntry?> NextAsync(
        EmailAddress name, EmailAddress address, IDirectoryReader directory, CancellationToken cancellationToken)
    {
        foreach (var candidate in RecipientResolver.Candidates(address))
        {
            if (candidate.Equals(name))
            {
                return new AliasEntry { Address = name, Targets = [] };
            }

            if (await directory.FindEntryAsync(candidate, cancellationToken) is { } found)
            {
                return found;
            }
        }

        return null;
    }
}
