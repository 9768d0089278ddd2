using System.Buffers;
using System.IO.Pipelines;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// Reads the messages of an mboxrd file one after the other, in pieces: memory grows neither with the file nor with a
/// message or a line. A `From ` line counts at the beginning and behind an empty line, which is not the message's. Line
/// breaks become what <see cref="MessageBreaks"/> says.
/// </summary>
internal sealed class MboxReader(PipeReader input)
{
    /// <summary>Longest `From ` line, and most `&gt;` before a quoted one, octets.</summary>
    private const int MaxMarker = 1000;
    private const int PieceOctets = 64 * 1024;

    private readonly ArrayBufferWriter<byte> _piece = new(PieceOctets);
    private byte[] _heldBlank = [];
    private bool _inLine;
    private bool _firstLine;
    private MessageBreaks _breaks = new();
    private bool _begun;

    /// <summary>The file had nothing more after its last message.</summary>
    public bool IsAtEnd { get; private set; }

    private enum Line
    {
        Incomplete,
        From,
        Blank,
        Quoted,
        Plain,
        End,
    }

    /// <summary>Goes to the next message; false at the end of the file, or when it does not begin with a `From ` line.</summary>
    public async ValueTask<bool> NextAsync(CancellationToken cancellationToken)
    {
        while (await ReadAsync(cancellationToken) is { IsEmpty: false })
        {
            // What the caller did not want of the message before.
        }

        var (line, buffer, length) = await PeekAsync(afterBlank: true, cancellationToken);
        if (line != Line.From)
        {
            IsAtEnd = line == Line.End;
            input.AdvanceTo(buffer.Start);
            return false;
        }

        input.AdvanceTo(buffer.GetPosition(length));
        (_begun, _inLine, _firstLine, _breaks, _heldBlank) = (true, false, true, new MessageBreaks(), []);
        return true;
    }

    /// <summary>The next piece of the message, empty at its end; valid until the next call.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        _piece.ResetWrittenCount();
        while (_begun && _piece.WrittenCount < PieceOctets / 2)
        {
            if (_inLine)
            {
                await CopyLineAsync(cancellationToken);
                continue;
            }

            var (line, buffer, length) = await PeekAsync(afterBlank: _heldBlank.Length > 0 || _firstLine, cancellationToken);
            if (line is Line.End or Line.From)
            {
                input.AdvanceTo(buffer.Start);
                _begun = false;
                break;
            }

            _breaks.Copy(_heldBlank, _piece);
            _heldBlank = [];
            if (line == Line.Blank)
            {
                _heldBlank = buffer.Slice(0, length).ToArray();
                _firstLine = false;
            }
            else
            {
                _inLine = true;
            }

            input.AdvanceTo(buffer.GetPosition(line switch { Line.Blank => length, Line.Quoted => 1, _ => 0 }));
        }

        return _piece.WrittenMemory;
    }

    /// <summary>Copies up to the end of the line, or as much of it as is there.</summary>
    private async ValueTask CopyLineAsync(CancellationToken cancellationToken)
    {
        var result = await input.ReadAsync(cancellationToken);
        var buffer = result.Buffer;
        if (buffer.IsEmpty && result.IsCompleted)
        {
            _inLine = false;
            input.AdvanceTo(buffer.Start);
            return;
        }

        var piece = buffer.First.Length > PieceOctets / 2 ? buffer.First[..(PieceOctets / 2)] : buffer.First;
        var end = piece.Span.IndexOf((byte)'\n') + 1;
        piece = end > 0 ? piece[..end] : piece;
        if (end > 0)
        {
            (_inLine, _firstLine) = (false, false);
        }

        _breaks.Copy(piece.Span, _piece);
        input.AdvanceTo(buffer.GetPosition(piece.Length));
    }

    /// <summary>Tells what line begins here, and how long a `From ` line or an empty one is. The caller advances.</summary>
    private async ValueTask<(Line Line, ReadOnlySequence<byte> Buffer, long Length)> PeekAsync(bool afterBlank, CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken);
            var (line, length) = Classify(result.Buffer, result.IsCompleted, afterBlank);
            if (line != Line.Incomplete)
            {
                return (line, result.Buffer, length);
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private static (Line Line, long Length) Classify(ReadOnlySequence<byte> buffer, bool complete, bool afterBlank)
    {
        if (buffer.IsEmpty)
        {
            return (complete ? Line.End : Line.Incomplete, 0);
        }

        var reader = new SequenceReader<byte>(buffer.Length > MaxMarker ? buffer.Slice(0, MaxMarker) : buffer);
        var mayGrow = buffer.Length < MaxMarker && !complete;
        if (reader.IsNext("\n"u8) || reader.IsNext("\r\n"u8))
        {
            return (Line.Blank, reader.IsNext((byte)'\n') ? 1 : 2);
        }

        var marks = reader.AdvancePast((byte)'>');
        if (reader.IsNext("From "u8))
        {
            if (marks > 0 || !afterBlank)
            {
                return (marks > 0 ? Line.Quoted : Line.Plain, 0);
            }

            return reader.TryAdvanceTo((byte)'\n')
                ? (Line.From, reader.Consumed)
                : (mayGrow ? Line.Incomplete : Line.Plain, 0);
        }

        return (mayGrow && MayBecomeMarker(reader) ? Line.Incomplete : Line.Plain, 0);
    }

    /// <summary>What is there so far is the beginning of `From ` or of a line break.</summary>
    private static bool MayBecomeMarker(SequenceReader<byte> reader) =>
        reader.Remaining < 5 && ("From "u8.StartsWith(reader.UnreadSequence.ToArray()) || (reader.Consumed == 0 && reader.UnreadSequence.ToArray() is [(byte)'\r']));
}
