using System.Collections.Concurrent;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Functions.Tests.Inbound;

/// <summary>A directory of `example.test` in memory.</summary>
internal sealed class MemoryDirectory : IDirectoryReader
{
    private readonly Dictionary<EmailAddress, DirectoryEntry> _entries = [];

    public AccountEntry Account(string address, bool enabled = true, long? quota = null, bool keepCopy = true, params string[] forwardTo)
    {
        var entry = new AccountEntry
        {
            Address = EmailAddress.Parse(address)!,
            MailboxId = "box-" + address,
            Enabled = enabled,
            QuotaBytes = quota,
            KeepCopy = keepCopy,
            ForwardTo = [.. forwardTo.Select(t => EmailAddress.Parse(t)!)],
        };
        _entries[entry.Address] = entry;
        return entry;
    }

    public void Alias(string address, params string[] targets) =>
        _entries[EmailAddress.Parse(address)!] = new AliasEntry
        {
            Address = EmailAddress.Parse(address)!,
            Targets = [.. targets.Select(t => EmailAddress.Parse(t)!)],
        };

    public ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken) =>
        ValueTask.FromResult(domain == "example.test" ? new MailDomain { Name = domain } : null);

    public ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_entries.GetValueOrDefault(address));
}

/// <summary>Blobs in memory; fails as often as it is told to.</summary>
internal sealed class MemoryStore : IMessageStore
{
    public ConcurrentDictionary<string, byte[]> Blobs { get; } = [];

    public int Failures { get; set; }

    /// <summary>Called with a blob's name just before it is written.</summary>
    public Action<string>? BeforeCommit { get; set; }

    public Task<Stream?> OpenReadAsync(string blob, long offset, CancellationToken cancellationToken) => Failures-- > 0
        ? throw new StoreUnavailableException("The store is away.")
        : Task.FromResult<Stream?>(Blobs.TryGetValue(blob, out var content) ? new MemoryStream(content) : null);

    public IMessageUpload BeginUpload(string blob, MessageRoom? room = null) => new Upload(content =>
    {
        BeforeCommit?.Invoke(blob);
        if (!Blobs.TryAdd(blob, content))
        {
            throw new StoreUnavailableException($"The blob '{blob}' was there already.");
        }
    });

    private sealed class Upload(Action<byte[]> commit) : IMessageUpload
    {
        private readonly MemoryStream _content = new();

        public long Length => _content.Length;

        public ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
        {
            _content.Write(octets.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask CommitAsync(CancellationToken cancellationToken)
        {
            commit(_content.ToArray());
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    public Task<bool> DeleteAsync(string blob, CancellationToken cancellationToken) => throw new NotSupportedException();
}

/// <summary>Mailboxes in memory, idempotent by message id as the real ones are.</summary>
internal sealed class MemoryMailboxes : IMailboxDelivery
{
    public Dictionary<(string Mailbox, string Message), (MailboxEntry Entry, DateTimeOffset At)> Entries { get; } = [];

    /// <summary>Thrown instead of a delivery.</summary>
    public Exception? Trouble { get; set; }

    public Task<DeliveryResult> DeliverAsync(string mailboxId, MailboxEntry entry, long? quotaBytes, CancellationToken cancellationToken)
    {
        if (Trouble is not null)
        {
            throw Trouble;
        }

        lock (Entries)
        {
            if (Entries.TryGetValue((mailboxId, entry.MessageId), out var before))
            {
                return Task.FromResult<DeliveryResult>(new DeliveryResult.AlreadyDelivered(before.At));
            }

            if (entry.Size > quotaBytes)
            {
                return Task.FromResult<DeliveryResult>(new DeliveryResult.OverQuota());
            }

            var at = DateTimeOffset.UtcNow;
            Entries.Add((mailboxId, entry.MessageId), (entry, at));
            return Task.FromResult<DeliveryResult>(new DeliveryResult.Delivered((uint)Entries.Count, at));
        }
    }

    public Task<MailboxState?> ReadStateAsync(string mailboxId, CancellationToken cancellationToken) => throw new NotSupportedException();
}

/// <summary>What was said to be kept by nobody.</summary>
internal sealed class MemoryUnkeptMail : IUnreferencedBlobs
{
    public HashSet<(string MessageId, string Blob)> Notes { get; } = [];

    public Task NoteAsync(string messageId, string blob, CancellationToken cancellationToken)
    {
        Notes.Add((messageId, blob));
        return Task.CompletedTask;
    }
}

/// <summary>Keeps events as a table would: the same one twice is one.</summary>
internal sealed class MemoryTraces : ITraceWriter
{
    public HashSet<(DateTimeOffset At, string Kind, string Address, string? Detail)> Rows { get; } = [];

    /// <summary>Thrown where something is to be written.</summary>
    public Exception? Fault { get; set; }

    public Task WriteAsync(IReadOnlyList<TraceEvent> events, CancellationToken cancellationToken)
    {
        if (Fault is { } fault)
        {
            return Task.FromException(fault);
        }

        lock (Rows)
        {
            foreach (var e in events)
            {
                Rows.Add((e.At, e.Kind, string.Join(',', e.Addresses), e.Detail));
            }
        }

        return Task.CompletedTask;
    }
}
