using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Core.Directory;

/// <summary>Where mail for an address goes.</summary>
public abstract record Resolution
{
    /// <summary>The domain is not one of ours: relay, or refuse.</summary>
    public sealed record NotLocal : Resolution;

    /// <summary>The domain is ours, the address is not known.</summary>
    public sealed record Unknown : Resolution;

    /// <summary>The account is there and switched off.</summary>
    public sealed record Disabled : Resolution;

    /// <summary>At least one mailbox or remote address; and the targets of aliases and forwards that lead nowhere.</summary>
    public sealed record Found(
        IReadOnlyList<AccountEntry> Mailboxes, IReadOnlyList<EmailAddress> Remote, IReadOnlyList<FailedTarget> Failed) : Resolution;
}

/// <summary>A target of an alias or a forward that nothing can be delivered to.</summary>
/// <param name="Reason">One clause for the postmaster.</param>
public sealed record FailedTarget(EmailAddress Address, string Reason);

/// <summary>
/// The rules by which an address of ours becomes mailboxes and remote addresses: exact entry, then the part before
/// `+`, then the catch-all; aliases and forwards to <see cref="MaxDepth"/>. The edge (RCPT) and the function (delivery)
/// both ask here, so that what was accepted can be delivered.
/// </summary>
/// <param name="srs">Unwraps rewritten senders that reports come back to; null: there are none.</param>
/// <param name="hostName">The name of this server: the postmaster of the domain above it is the system's.</param>
public sealed class RecipientResolver(IDirectoryReader directory, SrsRewriter? srs = null, string? hostName = null)
{
    public const int MaxDepth = 10;
    public const int MaxTargets = 1000;

    /// <summary>Reads the directory: usually two point reads.</summary>
    public ValueTask<Resolution> ResolveAsync(EmailAddress address, CancellationToken cancellationToken) =>
        ResolveAsync(address, new Walk(), cancellationToken);

    /// <summary>
    /// Whether an account may write as an address: its own, with a tag or without; that of an alias which names it, or of a
    /// catch-all; or one that its `sendAs` has. Where other accounts forward their mail gives no right to their names.
    /// </summary>
    public async ValueTask<bool> MaySendAsAsync(EmailAddress address, AuthenticatedAccount account, CancellationToken cancellationToken)
    {
        if (await ResolveAsync(address, new Walk { ByNameOnly = true }, cancellationToken) is Resolution.Found found
            && found.Mailboxes.Any(m => m.MailboxId == account.MailboxId))
        {
            return true;
        }

        return await directory.FindEntryAsync(account.Address, cancellationToken) is AccountEntry entry
            && entry.MailboxId == account.MailboxId
            && Candidates(address).Any(entry.SendAs.Contains);
    }

    private async ValueTask<Resolution> ResolveAsync(EmailAddress address, Walk walk, CancellationToken cancellationToken)
    {
        var first = await VisitAsync(address, walk, 0, cancellationToken);
        if (first is not null)
        {
            return first;
        }

        if (walk.Found > 0)
        {
            return new Resolution.Found(walk.Mailboxes, walk.Remote, walk.Failed);
        }

        return walk.MetDisabled ? new Resolution.Disabled() : new Resolution.Unknown();
    }

    /// <summary>Null when the address gave something to walk on or was seen before.</summary>
    private async ValueTask<Resolution?> VisitAsync(EmailAddress address, Walk walk, int depth, CancellationToken cancellationToken)
    {
        if (walk.Seen.Contains(address))
        {
            return null; // a loop is broken where it is met
        }

        if (depth > MaxDepth || walk.Seen.Count >= MaxTargets)
        {
            walk.Failed.Add(new FailedTarget(address, "too many aliases behind one another"));
            return null;
        }

        walk.Seen.Add(address);

        if (address.IsAddressLiteral
            || await directory.FindDomainAsync(address.Domain, cancellationToken) is not { Enabled: true } domain)
        {
            if (depth == 0)
            {
                return new Resolution.NotLocal();
            }

            walk.Remote.Add(address);
            return null;
        }

        if (depth == 0 && !walk.ByNameOnly && srs?.Unwrap(address) is { } sender)
        {
            return await VisitAsync(sender, walk, depth + 1, cancellationToken);
        }

        switch (await FindAsync(address, domain, cancellationToken))
        {
            case AccountEntry { Enabled: false }:
                walk.MetDisabled = true;
                return new Resolution.Disabled();
            case AccountEntry account when walk.ByNameOnly:
                walk.Mailboxes.Add(account);
                return null;
            case AccountEntry account:
                var before = walk.Found;
                await VisitAllAsync(account.ForwardTo, walk, depth, cancellationToken);
                // A forward that leads nowhere keeps its copy, asked for or not.
                if ((account.KeepCopy || walk.Found == before) && walk.MailboxIds.Add(account.MailboxId))
                {
                    walk.Mailboxes.Add(account);
                }

                return null;
            case AliasEntry alias:
                await VisitAllAsync(alias.Targets, walk, depth, cancellationToken);
                return null;
            default:
                return new Resolution.Unknown();
        }
    }

    private async ValueTask VisitAllAsync(IReadOnlyList<EmailAddress> targets, Walk walk, int depth, CancellationToken cancellationToken)
    {
        foreach (var target in targets)
        {
            switch (await VisitAsync(target, walk, depth + 1, cancellationToken))
            {
                case Resolution.Unknown:
                    walk.Failed.Add(new FailedTarget(target, "no such address"));
                    break;
                case Resolution.Disabled:
                    walk.Failed.Add(new FailedTarget(target, "the account is disabled"));
                    break;
            }
        }
    }

    /// <summary>The keys by which an address is looked for, in order: its own, the one before `+`, its domain's catch-all.</summary>
    public static IEnumerable<EmailAddress> Candidates(EmailAddress address)
    {
        yield return address;
        var untagged = address.WithoutTag();
        if (!untagged.Equals(address))
        {
            yield return untagged;
        }

        yield return address.WithLocalPart(AliasEntry.CatchAllLocalPart);
    }

    /// <summary>The account is the one that bears the address, with a tag or without.</summary>
    public static bool IsOwn(EmailAddress address, AccountEntry account) =>
        account.Address.Equals(address) || account.Address.Equals(address.WithoutTag());

    private async ValueTask<DirectoryEntry?> FindAsync(EmailAddress address, MailDomain domain, CancellationToken cancellationToken)
    {
        foreach (var candidate in Candidates(address))
        {
            // RFC 5321 §4.5.1, RFC 2142 §5: these two are there in every domain; one that has none gets them at the postmaster's.
            if (candidate.Key == AliasEntry.CatchAllLocalPart && domain.Postmaster is { } postmaster && MailDomain.IsRole(address))
            {
                return new AliasEntry { Address = address, Targets = [postmaster] };
            }

            if (await directory.FindEntryAsync(candidate, cancellationToken) is { } found)
            {
                return found;
            }
        }

        return MailDomain.IsRole(address) && await FindSystemPostmasterAsync(domain, cancellationToken) is { } system
            ? new AliasEntry { Address = address, Targets = [system] }
            : null;
    }

    /// <summary>The postmaster of the nearest domain of ours above the host name; null where that is the domain itself or none.</summary>
    private async ValueTask<EmailAddress?> FindSystemPostmasterAsync(MailDomain domain, CancellationToken cancellationToken)
    {
        for (var name = hostName; name is not null && name.Contains('.'); name = name[(name.IndexOf('.') + 1)..])
        {
            if (EmailAddress.Parse("postmaster@" + name) is { } postmaster
                && await directory.FindDomainAsync(postmaster.Domain, cancellationToken) is { Enabled: true } above)
            {
                return above.Name == domain.Name ? null : postmaster;
            }
        }

        return null;
    }

    private sealed class Walk
    {
        public HashSet<EmailAddress> Seen { get; } = [];
        public HashSet<string> MailboxIds { get; } = [];
        public List<AccountEntry> Mailboxes { get; } = [];
        public List<EmailAddress> Remote { get; } = [];
        public List<FailedTarget> Failed { get; } = [];
        public bool MetDisabled { get; set; }

        /// <summary>Aliases alone are followed, and no account's forwards.</summary>
        public bool ByNameOnly { get; init; }

        public int Found => Mailboxes.Count + Remote.Count;
    }
}
