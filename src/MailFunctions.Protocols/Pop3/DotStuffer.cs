using System.Buffers;

namespace MailFunctions.Protocols.Pop3;

/// <summary>
/// Writes a message as a multi-line response: a dot more before each line that begins with one (RFC 1939 §3), and for TOP
/// only the header section and some lines. Carries its state over the pieces, wherever they are cut.
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

    /// <summary>The last octets written were CRLF, or nothing was written.</summary>
    public readonly bool IsAtLineStart => _state == State.LineStart;

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
                    var at = piece[i..].IndexOf((byte)'\r');
                    if (at != 0)
                    {
                        _lineIsEmpty = false;
                    }

                    if (at < 0)
                    {
                        i = piece.Length;
                    }
                    else
                    {
                        i += at + 1;
                        _state = State.Cr;
                    }

                    break;

                case State.Cr when piece[i] == '\n':
                    i++;
                    _state = State.LineStart;
                    EndLine();
                    break;

                case State.Cr: // a CR that ends no line is content
                    _lineIsEmpty = false;
                    _state = State.Text;
                    break;
            }
        }

        output.Write(piece[start..i]);
    }

    private void EndLine()
    {
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
