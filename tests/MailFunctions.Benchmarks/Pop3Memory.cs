using System.Collections.Concurrent;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Edge;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace MailFunctions.Benchmarks;

/// <summary>
/// The edge as it is deployed, with mailboxes in memory behind the ports: what SMTP takes for any address of `bench.test`
/// or `e2e.test` is in that mailbox at once. All accounts have one password and, so that 2,000 of them can log in without
/// 2,000 derivations, one verifier; each login is looked up and compared as ever.
/// </summary>
internal static class Pop3Memory
{
    private static readonly string[] Domains = ["bench.test", "e2e.test"];

    public static Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args, new()
        {
            ["port"] = "2110",
            ["smtp-port"] = "2525",
            ["max-connections"] = "6000",
            ["password"] = "bench-password-1",
        });
        return EdgeApplication.RunAsync(
        [
            "--Edge:Address=127.0.0.1", "--Edge:HostName=mail.bench.test", "--Edge:AllowPlaintextCredentials=true",
            $"--Edge:Ports:Smtp={options["smtp-port"]}", "--Edge:Ports:Submission=0", "--Edge:Ports:Smtps=0",
            $"--Edge:Ports:Pop3={options["port"]}", "--Edge:Ports:Pop3s=0", "--Edge:Ports:Health=0",
            $"--Edge:MaxConnections={options["max-connections"]}", $"--Edge:MaxConnectionsPerClient={options["max-connections"]}",
            "--Rates:MessagesPerClient=0", "--Rates:RecipientsPerClient=0",
            "--Logging:LogLevel:Default=Warning",
        ],
        services =>
        {
            var mailboxes = new MemoryMailboxes();
            services.TryAddSingleton(TimeProvider.System);
            services.AddSingleton<IMessageIntake>(mailboxes);
            services.AddSingleton<IMailboxDelivery>(mailboxes);
            services.AddSingleton<IMaildrops>(mailboxes);
            services.AddSingleton<IDirectoryStore>(new Accounts(ScramVerifier.Create(options["password"])));
            services.AddSingleton<IBusSender, FakeBus>();
        });
    }

    internal sealed class MemoryMailboxes : IMessageIntake, IMailboxDelivery, IMaildrops
    {
        private readonly ConcurrentDictionary<string, MemoryMailbox> _boxes = new();

        public MemoryMailbox BoxOf(string id) => _boxes.GetOrAdd(id, static key => new MemoryMailbox(key));

        public IIncomingMessage Begin(string id, DateTimeOffset receivedAt, MessageRoom room) => new Incoming(this);

        public ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken) =>
            ValueTask.FromResult(BoxOf(account.MailboxId).Open());

        public Task<DeliveryResult> DeliverAsync(
            string mailboxId, MailboxEntry entry, long? quotaBytes, CancellationToken cancellationToken) =>
            throw new NotSupportedException("Mail comes by SMTP here.");

        public Task<MailboxState?> ReadStateAsync(string mailboxId, CancellationToken cancellationToken) =>
            Task.FromResult<MailboxState?>(null);
    }

    private sealed class Incoming(MemoryMailboxes mailboxes) : IIncomingMessage
    {
        private readonly MemoryStream _content = new();

        public long Length => _content.Length;

        public string Blob => "";

        public ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
        {
            _content.Write(octets.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask<IntakeResult> CommitAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
        {
            var content = _content.ToArray();
            foreach (var recipient in envelope.Recipients)
            {
                mailboxes.BoxOf(EmailAddress.Parse(recipient.Address)!.ToCanonicalString()).Add(content);
            }

            return ValueTask.FromResult(IntakeResult.Accepted);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>An empty one is small: it is counted among what an idle session weighs.</summary>
    internal sealed class MemoryMailbox(string id)
    {
        private SortedList<uint, byte[]>? _messages;
        private uint _next = 1;
        private long _bytes;
        private bool _open;

        public void Add(byte[] content)
        {
            lock (this)
            {
                (_messages ??= []).Add(_next++, content);
                _bytes += content.Length;
            }
        }

        public MaildropOpening Open()
        {
            lock (this)
            {
                if (_open)
                {
                    return new MaildropOpening.InUse();
                }

                _open = true;
                return new MaildropOpening.Opened(new MemoryMaildrop(this, id, _messages?.Count ?? 0, _bytes, _next));
            }
        }

        public List<MaildropMessage> List(uint before)
        {
            lock (this)
            {
                return _messages is null
                    ? []
                    : [.. _messages.Where(m => m.Key < before).Select(m => new MaildropMessage(m.Key, m.Value.Length))];
            }
        }

        public byte[]? Find(uint uid)
        {
            lock (this)
            {
                return _messages?.GetValueOrDefault(uid);
            }
        }

        public int Delete(IReadOnlyList<uint> uids)
        {
            lock (this)
            {
                foreach (var uid in uids)
                {
                    if (_messages is not null && _messages.Remove(uid, out var content))
                    {
                        _bytes -= content.Length;
                    }
                }

                return uids.Count;
            }
        }

        public void Close()
        {
            lock (this)
            {
                _open = false;
            }
        }
    }

    private sealed class MemoryMaildrop(MemoryMailbox box, string id, long count, long bytes, uint next) : IMaildrop
    {
        private bool _closed;

        public long Count => count;

        public long Bytes => bytes;

        public string UniqueIdPrefix => id;

        public bool IsLocked => !_closed;

        public async IAsyncEnumerable<IReadOnlyList<MaildropMessage>> ListAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            yield return box.List(next);
        }

        public ValueTask<IMaildropContent?> OpenMessageAsync(uint uid, LikelyNext next, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IMaildropContent?>(box.Find(uid) is { } content ? new MemoryContent(content) : null);

        public void MarkFetched(uint uid)
        {
            // No account here has a rule.
        }

        public ValueTask<int> DeleteAsync(IReadOnlyList<uint> uids, CancellationToken cancellationToken) =>
            ValueTask.FromResult(box.Delete(uids));

        public ValueTask DisposeAsync()
        {
            if (!_closed)
            {
                _closed = true;
                box.Close();
            }

            return ValueTask.CompletedTask;
        }
    }

    private sealed class MemoryContent(byte[] content) : IMaildropContent
    {
        private bool _read;

        public long Size => content.Length;

        public ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
        {
            var piece = _read ? default : content.AsMemory();
            _read = true;
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(piece);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Accounts(ScramVerifier verifier) : MemoryDirectory
    {
        public override ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken) =>
            ValueTask.FromResult(Pop3Memory.Domains.Contains(domain) ? new MailDomain { Name = domain } : null);

        public override ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken) =>
            ValueTask.FromResult<DirectoryEntry?>(
                new AccountEntry { Address = address, MailboxId = address.ToCanonicalString(), Password = verifier });
    }
}
