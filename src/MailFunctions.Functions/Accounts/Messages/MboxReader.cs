using System.Buffers;
using System.IO.Pipelines;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// Reads the messages of an mbox file one after the other, in pieces: memory grows neither with the file nor with a message or a
/// line. A message ends where a <see cref="MboxSeparator"/> with a header field behind it begins: at the end of its
/// Content-Length, or behind an empty line, which is not the message's. One that stands before the end of the Content-Length is
/// text where that end is at a separator (mboxcl2); a Content-Length that ends elsewhere says nothing. Line breaks become what
/// <see cref="MessageBreaks"/> says.
/// </summary>
internal sealed class MboxReader(PipeReader input)
{
    private const int PieceOctets = 64 * 1024;

    /// <summary>How far from a line that may be a separator the end of the Content-Length is looked for, octets.</summary>
    private const int MaxAhead = 4 * 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _piece = new(PieceOctets);
    private byte[] _heldBlank = [];
    private bool _inLine;
    private bool _firstLine;
    private MessageBreaks _breaks = new();
    private bool _begun;
    private bool _inHeader;
    private long _bodyOctets;
    private long? _contentLength;
    private bool _believed;
    private long _lines;

    /// <summary>The file had nothing more after its last message.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>The number of the line that the message began with, 1 for the first one.</summary>
    public long Line { get; private set; }

    /// <summary>When the message was received, as that line says.</summary>
    public DateTimeOffset? Date { get; private set; }

    private bool IsAtLength => !_inHeader && _bodyOctets == _contentLength;

    private bool IsWithinLength => _believed && _bodyOctets < _contentLength;

    /// <summary>Goes to the next message; false at the end of the file, or when it does not begin with a separator.</summary>
    public async ValueTask<bool> NextAsync(CancellationToken cancellationToken)
    {
        while (await ReadAsync(cancellationToken) is { IsEmpty: false })
        {
            // What the caller did not want of the message before.
        }

        var (line, buffer) = await PeekAsync(maySeparate: true, cancellationToken);
        Line = _lines + 1;
        if (line.Kind != MboxLineKind.Separator)
        {
            IsAtEnd = line.Kind == MboxLineKind.End;
            input.AdvanceTo(buffer.Start);
            return false;
        }

        Take(buffer, line.Octets, endsLine: true);
        (_begun, _inLine, _firstLine, _breaks, _heldBlank) = (true, false, true, new MessageBreaks(), []);
        (Date, _inHeader, _bodyOctets, _contentLength, _believed) = (line.Date, true, 0, null, false);
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

            var maySeparate = IsAtLength || (!IsWithinLength && (_heldBlank.Length > 0 || _firstLine));
            var (line, buffer) = await PeekAsync(maySeparate, cancellationToken);
            if (line.Kind == MboxLineKind.Separator && _contentLength > _bodyOctets && !_inHeader)
            {
                input.AdvanceTo(buffer.Start);
                _believed = await IsLengthTrueAsync(cancellationToken);
                _contentLength = _believed ? _contentLength : null;
                continue;
            }

            if (IsAtLength || line.Kind is not (MboxLineKind.End or MboxLineKind.Separator))
            {
                _breaks.Copy(_heldBlank, _piece); // no separator's, but the message's
            }

            _heldBlank = [];
            switch (line.Kind)
            {
                case MboxLineKind.End or MboxLineKind.Separator:
                    input.AdvanceTo(buffer.Start);
                    _breaks.End(_piece);
                    _begun = false;
                    break;
                case MboxLineKind.Blank:
                    _heldBlank = buffer.Slice(0, line.Octets).ToArray();
                    Take(buffer, line.Octets, endsLine: true);
                    (_firstLine, _inHeader) = (false, false);
                    break;
                default:
                    _contentLength = _inHeader ? _contentLength ?? line.ContentLength : _contentLength;
                    _inLine = true;
                    Take(buffer, line.Kind == MboxLineKind.Quoted && !IsWithinLength ? 1 : 0, endsLine: false);
                    break;
            }
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
        Take(buffer, piece.Length, endsLine: end > 0);
    }

    /// <summary>Goes on behind so many octets.</summary>
    private void Take(ReadOnlySequence<byte> buffer, long octets, bool endsLine)
    {
        _lines += endsLine ? 1 : 0;
        _bodyOctets += _inHeader ? 0 : octets;
        input.AdvanceTo(buffer.GetPosition(octets));
    }

    /// <summary>Says what line begins here. The caller advances.</summary>
    private async ValueTask<(MboxLine Line, ReadOnlySequence<byte> Buffer)> PeekAsync(bool maySeparate, CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken);
            var line = MboxLine.Read(result.Buffer, result.IsCompleted, isFirst: _lines == 0, maySeparate);
            if (line.Kind != MboxLineKind.Incomplete)
            {
                return (line, result.Buffer);
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>The Content-Length ends at a separator or the end of the file, with or without the empty line between.</summary>
    private async ValueTask<bool> IsLengthTrueAsync(CancellationToken cancellationToken)
    {
        const int Needed = MboxLine.MaxSeen + 2;
        var ahead = _contentLength!.Value - _bodyOctets;
        while (ahead <= MaxAhead)
        {
            var result = await input.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            if (result.IsCompleted || buffer.Length >= ahead + Needed)
            {
                var ends = buffer.Length >= ahead && EndsMessage(buffer.Slice(ahead), result.IsCompleted);
                input.AdvanceTo(buffer.Start);
                return ends;
            }

            input.AdvanceTo(buffer.Start, buffer.End);
        }

        return false;
    }

    private static bool EndsMessage(ReadOnlySequence<byte> rest, bool complete)
    {
        var line = MboxLine.Read(rest, complete, isFirst: false, maySeparate: true);
        line = line.Kind == MboxLineKind.Blank ? MboxLine.Read(rest.Slice(line.Octets), complete, isFirst: false, maySeparate: true) : line;
        return line.Kind is MboxLineKind.Separator or MboxLineKind.End;
    }
}
