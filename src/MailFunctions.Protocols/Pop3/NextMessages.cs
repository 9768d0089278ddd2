using System.Buffers;
using System.Buffers.Text;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Protocols.Text;

namespace MailFunctions.Protocols.Pop3;

/// <summary>
/// Which messages a session will be asked for next: those whose RETR the client has sent already, then those that follow
/// in the order in which it fetches, upwards or downwards.
/// </summary>
internal sealed class NextMessages
{
    /// <summary>Messages that are named.</summary>
    public const int Most = 16;

    /// <summary>Octets of pipelined commands that are looked at.</summary>
    private const int LookAtMost = 1024;

    private readonly uint[] _uids = new uint[Most];
    private int _last;
    private int _run;

    /// <param name="number">The message that is fetched now.</param>
    /// <param name="pipelined">What the client has sent behind that command.</param>
    public LikelyNext After(int number, MessageList messages, in ReadOnlySequence<byte> pipelined)
    {
        var step = number - _last;
        _last = number;
        if (_run > 0 && step is 1 or -1)
        {
            // A run of commands that was seen once is not parsed again at each message: fast clients would pay for it.
            _run--;
            var following = messages.Following(number, step, _uids, out var end);
            return new LikelyNext(_uids.AsMemory(0, following), Math.Abs(end - number));
        }

        var (at, count, reach, isRun) = (number, 0, 0, true);
        var left = pipelined.Slice(0, Math.Min(pipelined.Length, LookAtMost));
        while (count < Most && CommandLine.TryRead(left, Pop3Listener.CommandLineOctets, out var line, out var next) == LineStatus.Complete)
        {
            left = left.Slice(next);
            if (TryRetr(line, out var asked) && messages.Has(asked))
            {
                var before = step;
                (step, at) = (asked - at, asked);
                reach = Math.Max(reach, Math.Abs(asked - number));
                isRun &= step is 1 or -1 && (count == 0 || step == before);
                _uids[count++] = messages[asked].Uid;
            }
        }

        _run = isRun ? count / 2 : 0; // the commands behind them may ask for others
        if (step is 1 or -1)
        {
            count += messages.Following(at, step, _uids.AsSpan(count), out var last);
            reach = Math.Max(reach, Math.Abs(last - number));
        }

        return new LikelyNext(_uids.AsMemory(0, count), reach);
    }

    private static bool TryRetr(in ReadOnlySequence<byte> line, out int number)
    {
        number = 0;
        Span<byte> octets = stackalloc byte[16];
        if (line.Length > octets.Length)
        {
            return false;
        }

        octets = octets[..(int)line.Length];
        line.CopyTo(octets);
        octets = octets.TrimEnd((byte)' ');
        return octets.Length > 5
            && System.Text.Ascii.EqualsIgnoreCase(octets[..5], "RETR "u8)
            && Utf8Parser.TryParse(octets[5..], out number, out var taken)
            && taken == octets.Length - 5;
    }
}
