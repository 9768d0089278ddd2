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

/// <summary>The edge as it is deployed, but for storage and bus: mail for any address of `bench.test` is taken and dropped.</summary>
internal static class EdgeDiscard
{
    private static long _messages;

    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args, new() { ["port"] = "2525", ["max-connections"] = "6000" });
        var exitCode = await EdgeApplication.RunAsync(
        [
            "--Edge:Address=127.0.0.1", "--Edge:HostName=mail.bench.test",
            $"--Edge:Ports:Smtp={options["port"]}", "--Edge:Ports:Submission=0", "--Edge:Ports:Smtps=0",
            "--Edge:Ports:Pop3=0", "--Edge:Ports:Pop3s=0", "--Edge:Ports:Health=0",
            $"--Edge:MaxConnections={options["max-connections"]}", $"--Edge:MaxConnectionsPerClient={options["max-connections"]}",
            "--Rates:MessagesPerClient=0", "--Rates:RecipientsPerClient=0",
            "--Logging:LogLevel:Default=Warning",
        ],
        services =>
        {
            services.TryAddSingleton(TimeProvider.System);
            services.AddSingleton<IMessageIntake, DiscardingIntake>();
            services.AddSingleton<IDirectoryStore, BenchDirectory>();
            services.AddSingleton<IMailboxDelivery, NoMailboxes>();
            services.AddSingleton<IMaildrops, NoMailboxes>();
            services.AddSingleton<IBusSender, FakeBus>();
        });
        var allocated = GC.GetTotalAllocatedBytes();
        Console.WriteLine(
            $"{_messages} messages; allocated {allocated / Math.Max(1, _messages)} octets for each; collections {GC.CollectionCount(0)}, "
            + $"{GC.CollectionCount(1)}, {GC.CollectionCount(2)}");
        return exitCode;
    }

    private sealed class DiscardingIntake : IMessageIntake
    {
        public IIncomingMessage Begin(string id, DateTimeOffset receivedAt, MessageRoom room) => new Discarded();
    }

    private sealed class Discarded : IIncomingMessage
    {
        public long Length { get; private set; }

        public string Blob => "";

        public ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
        {
            Length += octets.Length;
            return ValueTask.CompletedTask;
        }

        public ValueTask<IntakeResult> CommitAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _messages);
            return ValueTask.FromResult(IntakeResult.Accepted);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>Everybody at `bench.test` has an account.</summary>
    internal class BenchDirectory : MemoryDirectory
    {
        public override ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken) =>
            ValueTask.FromResult(domain == "bench.test" ? new MailDomain { Name = domain } : null);

        public override ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken) =>
            ValueTask.FromResult<DirectoryEntry?>(new AccountEntry { Address = address, MailboxId = address.Key });
    }

    internal sealed class NoMailboxes : IMailboxDelivery, IMaildrops
    {
        public Task<DeliveryResult> DeliverAsync(
            string mailboxId, MailboxEntry entry, long? quotaBytes, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<MailboxState?> ReadStateAsync(string mailboxId, CancellationToken cancellationToken) =>
            Task.FromResult<MailboxState?>(null);

        public ValueTask<MaildropOpening> OpenAsync(Core.Accounts.AuthenticatedAccount account, CancellationToken cancellationToken) =>
            ValueTask.FromResult<MaildropOpening>(new MaildropOpening.Unavailable());
    }
}
