using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Azure.Tests.Blobs;

/// <summary>What a message costs on its way in (design §1): its blob, then its announcement, and nothing else.</summary>
public sealed class ClaimCheckTests(AzuriteFixture azurite)
{
    private readonly TestStorage _storage = new(azurite.ConnectionString);
    private readonly CountingBus _bus = new();

    [Theory]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(80 * 1024)]
    public async Task Commit_OfAMessage_IsOnePutAndOneSend(int size)
    {
        Assert.Equal(IntakeResult.Accepted, await TakeInAsync(size));

        Assert.Equal(["PUT"], _storage.Watch.Seen.Select(r => r.Method));
        Assert.Equal([QueueNames.Inbound], _bus.Sends);
    }

    [Fact]
    public async Task Commit_WithoutTheBlob_AnnouncesNothing()
    {
        _storage.Watch.Refuse(r => r.Method == "PUT");

        Assert.Equal(IntakeResult.Unavailable, await TakeInAsync(100));

        Assert.Empty(_bus.Sends);
    }

    [Fact]
    public async Task Commit_WithoutTheBus_IsNotAccepted()
    {
        _bus.IsAway = true;

        Assert.Equal(IntakeResult.Unavailable, await TakeInAsync(100));
    }

    private async Task<IntakeResult> TakeInAsync(int size)
    {
        var now = DateTimeOffset.UtcNow;
        var id = MessageName.NewId(now);
        using var room = MessageMemory.Unbounded().Open(System.Net.IPAddress.Loopback);
        await using var incoming = new ClaimCheckIntake(_storage.Store(), _bus).Begin(id, now, room);
        await incoming.WriteAsync(TestStorage.RandomOctets(size), TestContext.Current.CancellationToken);
        return await incoming.CommitAsync(
            new InboundEnvelope
            {
                Id = id,
                ReceivedAt = now,
                Listener = ListenerKind.Mx,
                Client = new ClientInfo("192.0.2.1", "client.test", null, null),
                MailFrom = new ReversePath { Address = "sender@elsewhere.test" },
                Recipients = [new EnvelopeRecipient { Address = "alice@example.test" }],
                Size = size,
                Blob = incoming.Blob,
            },
            TestContext.Current.CancellationToken);
    }

    private sealed class CountingBus : FakeBus
    {
        public List<string> Sends { get; } = [];

        public bool IsAway { get; set; }

        public override Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken)
        {
            Sends.Add(queue);
            return IsAway ? Task.FromException(new BusUnavailableException("It is away.")) : Task.CompletedTask;
        }
    }
}
