using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Housekeeping;
using MailFunctions.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace MailFunctions.Azure.Tests.Housekeeping;

/// <summary>The duties over one storage account, with a clock and a bus that the test moves.</summary>
internal sealed class HousekeepingBench : IBusInventory
{
    public static readonly TimeSpan Retention = TimeSpan.FromDays(14);

    /// <param name="things">What one run of a duty does at most.</param>
    public HousekeepingBench(string connectionString, int things = 10_000)
    {
        var limits = RunLimits.Default with { Things = things };
        Storage = new TestStorage(connectionString);
        var expiry = new ExpiryTable(Storage.Tables);
        References = new ReferencesTable(Storage.Tables);
        var undelivered = new UndeliveredMail(this, NullLogger<UndeliveredMail>.Instance);
        var retention = new RetentionOptions { Deleted = Retention };
        Unreferenced = new UnreferencedBlobs(Storage.Tables, References, Storage.Store(), undelivered, limits, Time);
        Directory = new DirectoryTable(Storage.Tables);
        var purge = new MailboxPurge(Storage.Tables, References);
        Accounts = new DeletedAccounts(Directory, expiry, purge, undelivered, retention, limits, Time);
        Retired = new RetiredMailboxes(Directory, expiry, retention, Time);
        Deleted = new DeletedMail(expiry, purge, undelivered, retention, limits, Time);
        Expired = new ExpiredMail(Storage.Maildrops(Time), Directory, expiry, limits, Time);
        Orphans = new OrphanBlobs(Storage.Blobs, Storage.Tables, Storage.Store(), References, undelivered, limits, Time);
    }

    public TestStorage Storage { get; }

    public ManualTime Time { get; } = new();

    public DirectoryTable Directory { get; }

    public ReferencesTable References { get; }

    public UnreferencedBlobs Unreferenced { get; }

    public DeletedAccounts Accounts { get; }

    public RetiredMailboxes Retired { get; }

    public DeletedMail Deleted { get; }

    public ExpiredMail Expired { get; }

    public OrphanBlobs Orphans { get; }

    /// <summary>Ids of messages in the bus; null: too many to say.</summary>
    public HashSet<string>? InBus { get; set; } = [];

    public Task<IReadOnlySet<string>?> MessageIdsAsync(string queue, int atMost, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<string>?>(InBus);

    /// <summary>All duties in their order, as the function runs them.</summary>
    public async Task RunAsync()
    {
        foreach (var task in (IHousekeepingTask[])[Expired, Deleted, Accounts, Unreferenced])
        {
            await task.RunAsync(CancellationToken.None);
        }
    }

    /// <summary>Deletes messages as a POP3 session does.</summary>
    public async Task DeleteAsync(string mailboxId, params uint[] uids)
    {
        await using var maildrop = await Storage.OpenAsync(mailboxId, Time);
        Xunit.Assert.Equal(uids.Length, await maildrop.DeleteAsync(uids, CancellationToken.None));
    }
}
