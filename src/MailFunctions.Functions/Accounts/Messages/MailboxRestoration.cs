using System.Globalization;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// What deleted accounts had in their mailboxes, while it is kept. It is put into an account that exists, with references
/// of its own, and stays in the old mailbox for another retention: doing it again, or half of it, gives no message twice.
/// </summary>
internal sealed class MailboxRestoration(IMailboxRetirement retirement, IMailboxArchive archive, IMailboxDelivery mailboxes)
{
    private const int MaxListed = 50;

    /// <summary>Messages that one call puts into an account: three storage requests each.</summary>
    public const int MaxAtOnce = 1000;

    public async Task<IReadOnlyList<DeletedMailboxAnswer>> ListAsync(EmailAddress address, CancellationToken cancellationToken)
    {
        var retired = await retirement.ListAsync(address, MaxListed, cancellationToken);
        var states = await Task.WhenAll(retired.Select(r => mailboxes.ReadStateAsync(r.MailboxId, cancellationToken)));
        return [.. retired.Zip(
            states, (r, s) => new DeletedMailboxAnswer(r.MailboxId, r.DeletedAt, r.KeptUntil, s?.Count ?? 0, s?.Bytes ?? 0))];
    }

    /// <summary>Keeps the mailbox for another retention; false when it is none of the address, or no longer kept.</summary>
    public Task<bool> KeepAsync(EmailAddress address, string mailboxId, CancellationToken cancellationToken) =>
        retirement.KeepAsync(address, mailboxId, cancellationToken);

    /// <summary>One page into the account, one message after the other: they keep their order.</summary>
    public async Task<DeletedMailboxRestored> PutAsync(
        string mailboxId, AccountEntry account, PageQuery page, CancellationToken cancellationToken)
    {
        var most = page.Size?.Value ?? MaxAtOnce;
        var after = page.Position is null ? 0 : uint.Parse(page.Position, CultureInfo.InvariantCulture);
        var (restored, before) = (0, 0);
        await foreach (var entry in archive.ReadAllAsync(mailboxId, after, cancellationToken))
        {
            if (restored + before == most)
            {
                return new DeletedMailboxRestored(restored, before, page.Next(after.ToString(CultureInfo.InvariantCulture)));
            }

            var copy = entry with { Uid = 0, FetchedAt = null };
            var isNew =
                await mailboxes.DeliverAsync(account.MailboxId, copy, quotaBytes: null, cancellationToken) is DeliveryResult.Delivered;
            (restored, before, after) = (restored + (isNew ? 1 : 0), before + (isNew ? 0 : 1), entry.Uid);
        }

        return new DeletedMailboxRestored(restored, before, null);
    }
}
