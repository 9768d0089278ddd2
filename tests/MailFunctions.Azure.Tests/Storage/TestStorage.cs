using System.Security.Cryptography;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using Microsoft.Extensions.Configuration;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>One test's own clients of a storage account, and what it puts there.</summary>
internal sealed class TestStorage
{
    public TestStorage(string connectionString)
    {
        var options = OptionsOf(connectionString);
        var blobs = StorageClients.Bound(new BlobClientOptions(), options);
        var tables = StorageClients.Bound(new TableClientOptions(), options);
        foreach (var client in (ClientOptions[])[blobs, tables])
        {
            client.Retry.Delay = TimeSpan.FromMilliseconds(5);
            client.AddPolicy(Watch, HttpPipelinePosition.PerRetry);
        }

        Blobs = new BlobServiceClient(connectionString, blobs);
        Tables = new TableServiceClient(connectionString, tables);
        Mailboxes = Tables.GetTableClient(MailboxTable.MailboxesName);
    }

    public RequestWatch Watch { get; } = new();

    public BlobServiceClient Blobs { get; }

    public TableServiceClient Tables { get; }

    public TableClient Mailboxes { get; }

    public static StorageOptions OptionsOf(string connectionString) =>
        StorageOptions.Read(new ConfigurationBuilder().AddInMemoryCollection([new(StorageOptions.Key, connectionString)]).Build());

    public MessageBlobs Store(ByteBudget? budget = null) => new(Blobs, budget ?? new ByteBudget(64 * 1024 * 1024));

    public MailboxTable Delivery() => new(Tables, new ReferencesTable(Tables), TimeProvider.System);

    public MaildropTable Maildrops(TimeProvider? time = null, long readAhead = 32 * 1024 * 1024, IMessageStore? store = null) => new(
        Tables, store ?? Store(), new ReadAheadBudget(new ByteBudget(readAhead)), new TraceTable(Tables), new ExpiryTable(Tables),
        time ?? TimeProvider.System);

    public MailboxArchiveTable Archive() => new(Tables, Store(), TimeProvider.System);

    /// <summary>A session on a mailbox.</summary>
    public async Task<IMaildrop> OpenAsync(string mailboxId, TimeProvider? time = null, int? expireAfterDays = null) =>
        ((MaildropOpening.Opened)await Maildrops(time)
            .OpenAsync(AccountOf(mailboxId) with { ExpireAfterDays = expireAfterDays }, CancellationToken.None))
            .Maildrop;

    public static AuthenticatedAccount AccountOf(string mailboxId) => new(EmailAddress.Parse($"{mailboxId}@example.test")!, mailboxId);

    /// <summary>The whole of a message as a client gets it; null when it can't be had.</summary>
    public static Task<byte[]?> ReadAsync(IMaildrop maildrop, uint uid, params uint[] neighbours) =>
        ReadAsync(maildrop, uid, new LikelyNext(neighbours, Reach: neighbours.Length));

    public static async Task<byte[]?> ReadAsync(IMaildrop maildrop, uint uid, LikelyNext next)
    {
        await using var content = await maildrop.OpenMessageAsync(uid, next, CancellationToken.None);
        if (content is null)
        {
            return null;
        }

        var octets = new MemoryStream();
        while (await content.ReadAsync(CancellationToken.None) is { IsEmpty: false } piece)
        {
            octets.Write(piece.Span);
        }

        return octets.ToArray();
    }

    public static async Task<List<MaildropMessage>> ListAsync(IMaildrop maildrop)
    {
        var messages = new List<MaildropMessage>();
        await foreach (var page in maildrop.ListAsync(CancellationToken.None))
        {
            messages.AddRange(page);
        }

        return messages;
    }

    /// <summary>Row keys of the references to a message.</summary>
    public async Task<List<string>> ReferencesAsync(string messageId)
    {
        var rows = new List<string>();
        await foreach (var row in Tables.GetTableClient(ReferencesTable.TableName)
            .QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {messageId}")))
        {
            rows.Add(row.RowKey);
        }

        return rows;
    }

    public async Task<bool> HasBlobAsync(string blob) =>
        await Blobs.GetBlobContainerClient(MessageBlobs.ContainerName).GetBlobClient(blob).ExistsAsync();

    public static string NewMailboxId() => Guid.NewGuid().ToString("N");

    public static string NewDomain() => $"d{Guid.NewGuid():N}.test";

    public static string NewBlobName() =>
        MessageName.BlobFor(MessageName.NewId(TimeProvider.System.GetUtcNow()), TimeProvider.System.GetUtcNow());

    public static MailboxEntry NewEntry(long size = 100) => new()
    {
        MessageId = MessageName.NewId(TimeProvider.System.GetUtcNow()),
        Blob = NewBlobName(),
        Size = size,
        Prologue = "",
        ReceivedAt = TimeProvider.System.GetUtcNow(),
    };

    /// <summary>All rows of a mailbox whose key begins so.</summary>
    public async Task<List<TableEntity>> RowsAsync(string mailboxId, string prefix = "")
    {
        var partition = MailboxRow.Partition(mailboxId);
        var rows = new List<TableEntity>();
        await foreach (var row in Mailboxes.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {partition}")))
        {
            if (row.RowKey.StartsWith(prefix, StringComparison.Ordinal))
            {
                rows.Add(row);
            }
        }

        return rows;
    }

    /// <summary>A mailbox as many deliveries would have left it: uids 1 to <paramref name="count"/>, sizes 101, 102…</summary>
    public async Task<string> MailboxOfAsync(int count)
    {
        var mailboxId = NewMailboxId();
        var partition = MailboxRow.Partition(mailboxId);
        var entries = Enumerable.Range(1, count).Select(i => NewEntry(100 + i) with { Uid = (uint)i }).ToList();
        foreach (var some in entries.Chunk(100))
        {
            await Mailboxes.SubmitTransactionAsync(
                some.Select(e => new TableTransactionAction(TableTransactionActionType.Add, MailboxRow.From(partition, e))));
        }

        await Mailboxes.AddEntityAsync(MailboxRow.From(partition, new MailboxState(1, (uint)count + 1, count, entries.Sum(e => e.Size))));
        return mailboxId;
    }

    /// <summary>A message that was received and delivered: its blob, and its row with a true size.</summary>
    public async Task<MailboxEntry> DeliverAsync(string mailboxId, byte[] octets, string prologue = "", bool lacksFinalLineBreak = false)
    {
        var entry = NewEntry(System.Text.Encoding.UTF8.GetByteCount(prologue) + octets.Length + (lacksFinalLineBreak ? 2 : 0)) with
        {
            Prologue = prologue,
            LacksFinalLineBreak = lacksFinalLineBreak,
        };
        await using var upload = Store().BeginUpload(entry.Blob);
        await upload.WriteAsync(octets, CancellationToken.None);
        await upload.CommitAsync(CancellationToken.None);
        var delivered = (DeliveryResult.Delivered)await Delivery().DeliverAsync(mailboxId, entry, null, CancellationToken.None);
        return entry with { Uid = delivered.Uid };
    }

    public static byte[] RandomOctets(int count) => RandomNumberGenerator.GetBytes(count);
}
