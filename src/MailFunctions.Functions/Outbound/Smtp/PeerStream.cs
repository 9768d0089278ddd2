using System.Net.Sockets;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>A connection to a peer, with bounds on its silence and on the octets that it sends.</summary>
internal sealed class PeerStream(Socket socket, TimeSpan patience, TimeProvider time) : Stream
{
    /// <summary>Octets that a peer may send in one connection, TLS and all: 50 recipients' replies take a tenth of it.</summary>
    public const int MaxOctets = 256 * 1024;

    private readonly NetworkStream _inner = new(socket, ownsSocket: true);
    private long _octets;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await BoundedAsync(token => _inner.ReadAsync(buffer, token), cancellationToken);
        _octets += read;
        return _octets <= MaxOctets ? read : throw new IOException($"The peer sent more than {MaxOctets} octets.");
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await BoundedAsync(
            async token =>
            {
                await _inner.WriteAsync(buffer, token);
                return 0;
            },
            cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read asynchronously.");

    // TLS sends close_notify this way.
    public override void Write(byte[] buffer, int offset, int count) => _inner.Write(buffer, offset, count);

    public override void Flush() => _inner.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> BoundedAsync(Func<CancellationToken, ValueTask<int>> use, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(patience, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await use(limited.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("The peer was silent for too long.");
        }
    }
}
