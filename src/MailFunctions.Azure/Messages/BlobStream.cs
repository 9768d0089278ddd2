using MailFunctions.Azure.Storage;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Messages;

/// <summary>A blob being downloaded. A read that breaks off throws <see cref="StoreUnavailableException"/>.</summary>
internal sealed class BlobStream(Stream blob) : ForwardStream
{
    /// <exception cref="StoreUnavailableException">The rest did not come, after the SDK's own retries.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await blob.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (StorageFault.Is(e, cancellationToken))
        {
            throw Broken(e);
        }
    }

    public override int Read(Span<byte> buffer)
    {
        try
        {
            return blob.Read(buffer);
        }
        catch (Exception e) when (StorageFault.Is(e, CancellationToken.None))
        {
            throw Broken(e);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await blob.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            blob.Dispose();
        }

        base.Dispose(disposing);
    }

    private static StoreUnavailableException Broken(Exception e) => StorageFault.Wrap("The message could not be read to its end", e);
}
