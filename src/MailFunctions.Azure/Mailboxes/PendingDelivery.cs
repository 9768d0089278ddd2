using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>One delivery that waits for its transaction.</summary>
internal sealed class PendingDelivery(MailboxEntry entry, long? quotaBytes, DateTimeOffset deliveredAt)
{
    private readonly TaskCompletionSource<DeliveryResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public MailboxEntry Entry => entry;

    public long? QuotaBytes => quotaBytes;

    public DateTimeOffset DeliveredAt => deliveredAt;

    public Task<DeliveryResult> Result => _result.Task;

    public void End(DeliveryResult result) => _result.TrySetResult(result);

    public void Fail(Exception e) => _result.TrySetException(e);
}
