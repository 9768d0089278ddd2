using MailFunctions.Core.Messages;

namespace MailFunctions.TestKit;

/// <summary>A store across a network: each blob begins to come after a while.</summary>
public sealed class DistantStore(IMessageStore store, TimeSpan latency) : IMessageStore
{
    public IMessageUpload BeginUpload(string blob, MessageRoom? room = null) => store.BeginUpload(blob, room);

    public async Task<Stream?> OpenReadAsync(string blob, long offset, CancellationToken cancellationToken)
    {
        await Task.Delay(latency, cancellationToken);
        return await store.OpenReadAsync(blob, offset, cancellationToken);
    }

    public Task<bool> DeleteAsync(string blob, CancellationToken cancellationToken) => store.DeleteAsync(blob, cancellationToken);
}
