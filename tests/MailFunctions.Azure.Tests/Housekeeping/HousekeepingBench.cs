using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Bus;
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
        var index = new DueIndex(Storage.Tables);
        var bus = new BusKnowledge(this, NullLogger<BusKnowledge>.Instance);
        var retention = new RetentionOptions { Deleted = Retention };
        Loose = new LooseBlobs(Storage.Tables, Storage.Store(), bus, limits, Time);
        Directory = new DirectoryTables(Storage.Tables);
        var purge = new MailboxPurge(Storage.Tables, Loose);
        Accounts = new DeletedAccounts(Storage.Tables, Directory, index, purge, bus, retention, limits, Time);
        Deleted = new DeletedMail(index, purge, bus, retention, limits, Time);
        Aged = new AgedMail(Storage.Maildrops(Time), Directory, index, limits, Time);
        Orphans = new OrphanBlobs(Storage.Blobs, Storage.Tables, Storage.Store(), Loose, bus, limits, Time);
    }

    public TestStorage Storage { get; }

    public ManualTime Time { get; } = new();

    public DirectoryTables Directory { get; }

    public LooseBlobs Loose { get; }

    public DeletedAccounts Accounts { get; }

    public DeletedMail Deleted { get; }

    public AgedMail Aged { get; }

    public OrphanBlobs Orphans { get; }

    /// <summary>Ids of messages in the bus; null: too many to say.</summary>
    public HashSet<string>? InBus { get; set; } = [];

    public Task<IReadOnlySet<string>?> MessageIdsAsync(string queue, int atMost, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlySet<string>?>(InBus);

    /// <summary>All duties in their order, as the function runs them.</summary>
    public async Task RunAsync()
    {
        foreach (var task in (IHousekeepingTask[])[Aged, Deleted, Accounts, Loose])
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
