using System.Buffers;

namespace MailFunctions.Protocols.Pop3;

/// <summary>
/// Writes a message as a multi-line response: a dot more before each line that begins with one (RFC 1939 §3), and for TOP
/// only the header section and some lines. Each line ends in CRLF, whatever was stored: a client that takes a bare LF or CR
/// for a line end would find the end of the response inside the message, and answers behind it. Carries its state over the
/// pieces, wherever they are cut.
/// </summary>
internal struct DotStuffer(long bodyLines)
{
    /// <summary>TOP is not asked for: everything.</summary>
    public const long AllLines = long.MaxValue;

    private long _linesLeft = bodyLines;
    private State _state = State.LineStart;
    private bool _lineIsEmpty = true;
    private bool _inBody;

    private enum State : byte
    {
        LineStart,
        Text,
        Cr,
    }

    /// <summary>All that was asked for has been written.</summary>
    public bool IsDone { get; private set; }

    public void Write(ReadOnlySpan<byte> piece, IBufferWriter<byte> output)
    {
        var start = 0;
        var i = 0;
        while (i < piece.Length && !IsDone)
        {
            switch (_state)
            {
                case State.LineStart:
                    if (piece[i] == '.')
                    {
                        output.Write(piece[start..i]);
                        output.Write("."u8);
                        start = i;
                    }

                    _lineIsEmpty = true;
                    _state = State.Text;
                    break;

                case State.Text:
                    var at = piece[i..].IndexOfAny((byte)'\r', (byte)'\n');
                    if (at != 0)
                    {
                        _lineIsEmpty = false;
                    }

                    if (at < 0)
                    {
                        i = piece.Length;
                    }
                    else if (piece[i + at] == '\r')
                    {
                        i += at + 1;
                        _state = State.Cr;
                    }
                    else
                    {
                        output.Write(piece[start..(i + at)]);
                        output.Write("\r\n"u8);
                        i += at + 1;
                        start = i;
                        EndLine();
                    }

                    break;

                case State.Cr when piece[i] == '\n':
                    i++;
                    EndLine();
                    break;

                case State.Cr: // a bare one
                    output.Write(piece[start..i]);
                    output.Write("\n"u8);
                    start = i;
                    EndLine();
                    break;
            }
        }

        output.Write(piece[start..i]);
    }

    /// <summary>Ends the last line, if it has no end yet, and the response.</summary>
    public readonly void End(IBufferWriter<byte> output)
    {
        output.Write(_state switch
        {
            State.LineStart => ".\r\n"u8,
            State.Cr => "\n.\r\n"u8,
            _ => "\r\n.\r\n"u8,
        });
    }

    private void EndLine()
    {
        _state = State.LineStart;
        if (_inBody)
        {
            _linesLeft--;
        }
        else
        {
            _inBody = _lineIsEmpty; // the blank line is sent too (RFC 1939 §7)
        }

        IsDone = _inBody && _linesLeft == 0;
    }
}
