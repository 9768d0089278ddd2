namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// Finds the end of DATA and takes the stuffed dots out (RFC 5321 §4.5.2). Only CRLF.CRLF ends a message, and only CRLF
/// ends a line; a bare CR or LF is content that gets the message refused, whatever stands around it.
/// </summary>
internal struct DotDecoder
{
    private State _state;

    private enum State : byte
    {
        LineStart, // the start of the data counts as one: ".\r\n" alone is an empty message
        Dot,
        DotCr,
        Text,
        Cr,
    }

    /// <summary>A CR without LF or an LF without CR was seen.</summary>
    public bool HasBareLineBreak { get; private set; }

    /// <summary>
    /// Reads one run of content off the front of the input: <paramref name="start"/> and <paramref name="length"/> say
    /// where it is, <paramref name="consumed"/> how much of the input is done with. True at the end of the message.
    /// </summary>
    public bool Read(ReadOnlySpan<byte> input, out int consumed, out int start, out int length)
    {
        var i = 0;
        start = 0;
        while (i < input.Length)
        {
            switch (_state)
            {
                case State.LineStart when input[i] == '.':
                    if (i > start)
                    {
                        return Run(i, start, out consumed, out length); // up to the dot, which the next call takes out
                    }

                    start = ++i;
                    _state = State.Dot;
                    break;

                case State.LineStart:
                    _state = State.Text;
                    break;

                case State.Dot when input[i] == '\r':
                    start = ++i;
                    _state = State.DotCr;
                    break;

                case State.Dot:
                    _state = State.Text;
                    break;

                case State.DotCr when input[i] == '\n':
                    _state = State.LineStart;
                    consumed = i + 1;
                    length = 0;
                    return true;

                case State.DotCr:
                    HasBareLineBreak = true;
                    start = i;
                    _state = State.Text;
                    break;

                case State.Text:
                    var at = input[i..].IndexOfAny((byte)'\r', (byte)'\n');
                    if (at < 0)
                    {
                        i = input.Length;
                        break;
                    }

                    i += at;
                    if (input[i] == '\n')
                    {
                        HasBareLineBreak = true;
                    }
                    else
                    {
                        _state = State.Cr;
                    }

                    i++;
                    break;

                case State.Cr when input[i] == '\n':
                    i++;
                    _state = State.LineStart;
                    break;

                case State.Cr:
                    HasBareLineBreak = true;
                    _state = State.Text;
                    break;
            }
        }

        return Run(i, start, out consumed, out length);
    }

    private static bool Run(int end, int start, out int consumed, out int length)
    {
        consumed = end;
        length = end - start;
        return false;
    }
}
