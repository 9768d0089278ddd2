using MailFunctions.Core.Messages;
using MailFunctions.Functions.Outbound.Smtp;

namespace MailFunctions.Functions.Outbound;

/// <summary>
/// A message in the store, to be opened any number of times, one stream at a time. A small one is read from the store once.
/// </summary>
/// <param name="before">Octets that go before the message.</param>
internal sealed class StoredContent(IMessageStore store, string blob, ReadOnlyMemory<byte> before) : IAsyncDisposable
{
    private const int KeptOctets = 64 * 1024;

    private byte[]? _kept;
    private Stream? _open;

    /// <summary>Reads the message to its end; null when it is not there.</summary>
    public async Task<ContentTraits?> LookAsync(CancellationToken cancellationToken)
    {
        await DisposeAsync();
        if (await store.OpenReadAsync(blob, 0, cancellationToken) is not { } stored)
        {
            return null;
        }

        await using (stored)
        {
            var first = new byte[KeptOctets];
            var read = await stored.ReadAtLeastAsync(first, first.Length, throwOnEndOfStream: false, cancellationToken);
            var start = first.AsMemory(0, read);
            _kept = read < first.Length ? start.ToArray() : null;
            return await ContentTraits.ReadAsync(Whole(new JoinedStream(start, _kept is null ? stored : Stream.Null)), cancellationToken);
        }
    }

    /// <exception cref="StoreUnavailableException">It was there before, and is not there any more.</exception>
    public async Task<Stream> OpenAsync(CancellationToken cancellationToken)
    {
        await DisposeAsync();
        _open = _kept is { } kept ? new MemoryStream(kept, writable: false)
            : await store.OpenReadAsync(blob, 0, cancellationToken)
                ?? throw new StoreUnavailableException($"The blob '{blob}' vanished while it was read.");
        return Whole(_open);
    }

    public async ValueTask DisposeAsync()
    {
        if (_open is { } open)
        {
            _open = null;
            await open.DisposeAsync();
        }
    }

    private Stream Whole(Stream content) => before.IsEmpty ? content : new JoinedStream(before, content);
}
