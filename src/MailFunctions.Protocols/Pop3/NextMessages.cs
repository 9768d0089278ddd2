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
    /// <summary>Messages that are told.</summary>
    public const int Most = 16;

    /// <summary>Octets of pipelined commands that are looked at.</summary>
    private const int LookAtMost = 1024;

    /// <summary>See <see cref="LikelyNext.AreNear"/>.</summary>
    private const int Near = 99;

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
            // Commands that were seen to go on so are not looked at again at each message: a fast client would feel it.
            _run--;
            return new LikelyNext(_uids.AsMemory(0, messages.Following(number, step, _uids)), AreNear: true);
        }

        var (at, count, areNear, isRun) = (number, 0, true, true);
        var left = pipelined.Slice(0, Math.Min(pipelined.Length, LookAtMost));
        while (count < Most && CommandLine.TryRead(left, Pop3Listener.CommandLineOctets, out var line, out var next) == LineStatus.Complete)
        {
            left = left.Slice(next);
            if (TryRetr(line, out var asked) && messages.Has(asked))
            {
                var before = step;
                (step, at) = (asked - at, asked);
                areNear &= Math.Abs(asked - number) <= Near && (count == 0 || Math.Sign(step) == Math.Sign(before));
                isRun &= step is 1 or -1 && (count == 0 || step == before);
                _uids[count++] = messages[asked].Uid;
            }
        }

        _run = isRun ? count / 2 : 0; // what comes behind them may go elsewhere
        if (step is 1 or -1)
        {
            count += messages.Following(at, step, _uids.AsSpan(count));
        }

        return new LikelyNext(_uids.AsMemory(0, count), areNear && count > 0);
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
