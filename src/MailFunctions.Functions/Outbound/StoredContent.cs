using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Outbound;

/// <summary>A message in the store, from its start as often as it is asked for; one stream of it is open at a time.</summary>
internal sealed class StoredContent(IMessageStore store, string blob) : IAsyncDisposable
{
    private Stream? _open;

    /// <summary>Null when it is not there.</summary>
    public async Task<Stream?> OpenAsync(CancellationToken cancellationToken)
    {
        await DisposeAsync();
        return _open = await store.OpenReadAsync(blob, 0, cancellationToken);
    }

    /// <exception cref="StoreUnavailableException">It was there before, and is not there any more.</exception>
    public async Task<Stream> OpenAgainAsync(CancellationToken cancellationToken) =>
        await OpenAsync(cancellationToken) ?? throw new StoreUnavailableException($"The blob '{blob}' went away while it was read.");

    public async ValueTask DisposeAsync()
    {
        if (_open is { } open)
        {
            _open = null;
            await open.DisposeAsync();
        }
    }
}
