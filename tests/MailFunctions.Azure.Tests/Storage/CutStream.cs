using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>The body of an answer whose connection breaks behind its first 1000 octets.</summary>
internal sealed class CutStream(Stream body) : ForwardStream
{
    private int _left = 1000;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0)
        {
            throw new IOException("The connection broke.");
        }

        var read = await body.ReadAsync(buffer[..Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read;
        return read;
    }

    public override int Read(Span<byte> buffer) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            body.Dispose();
        }

        base.Dispose(disposing);
    }
}
