using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>Mailboxes of which only the size is known.</summary>
internal sealed class TestMailboxes : IMailboxDelivery
{
    public Dictionary<string, long> Bytes { get; } = [];

    public int Reads { get; private set; }

    public Task<MailboxState?> ReadStateAsync(string mailboxId, CancellationToken cancellationToken)
    {
        Reads++;
        return Task.FromResult(Bytes.TryGetValue(mailboxId, out var bytes) ? new MailboxState(1, 2, 1, bytes) : null);
    }

    public Task<DeliveryResult> DeliverAsync(string mailboxId, MailboxEntry entry, long? quotaBytes, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
