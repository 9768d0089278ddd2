using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Smtp;

public sealed partial class SmtpSession
{
    /// <summary>Messages of one session that blob and bus may have in hand at once.</summary>
    private const int MaxCommits = 4;

    /// <summary>Octets of these messages: larger ones are committed one by one, or one session would hold the memory of many.</summary>
    private const int MaxCommitOctets = 16 * 1024;

    /// <summary>Replies that may wait for a commit; the commands behind them wait, too.</summary>
    private const int MaxWaitingReplies = 64;

    /// <summary>
    /// Replies from the oldest commit under way on: they leave in the order of the commands (RFC 2920 §3.2), whichever is
    /// ready first.
    /// </summary>
    private readonly Queue<(Task<SmtpReply> Reply, long? Octets)> _later = new(0);

    private int _commits;
    private long _commitOctets;

    /// <summary>Puts a reply into the output; it leaves when the session next waits.</summary>
    private void Send(SmtpReply? reply)
    {
        if (reply is null)
        {
            return;
        }

        if (_later.Count == 0)
        {
            reply.WriteTo(_input.Output);
        }
        else
        {
            _later.Enqueue((Task.FromResult(reply), null));
        }

        if (reply.Closes)
        {
            _end ??= reply.Code == 221 ? SessionEnd.Quit : SessionEnd.ProtocolError;
        }
    }

    /// <summary>The reply to a message that is being committed, in its turn.</summary>
    private async ValueTask SendLaterAsync(Task<SmtpReply> commit, long octets)
    {
        _later.Enqueue((commit, octets));
        _commitOctets += octets;
        if (++_commits == MaxCommits || _commitOctets > MaxCommitOctets)
        {
            await SettleAsync();
        }
    }

    /// <summary>A client that sends commands without end behind a message gets no memory for it.</summary>
    private ValueTask SettleIfManyAsync() => _later.Count >= MaxWaitingReplies ? SettleAsync() : ValueTask.CompletedTask;

    /// <summary>Waits for the commits under way and writes what is due. <see cref="SessionInput"/> asks for it before each wait.</summary>
    private async ValueTask SettleAsync()
    {
        while (_later.TryPeek(out var next))
        {
            var reply = await next.Reply;
            _later.Dequeue();
            reply.WriteTo(_input.Output);
            if (next.Octets is { } octets)
            {
                _commits--;
                _commitOctets -= octets;
                if (reply.IsFailure)
                {
                    services.Events.Refused(connection.RemoteEndPoint.Address, "DATA", reply.Status);
                }
            }
        }
    }

    /// <summary>A session that breaks off leaves none of its commits unwatched.</summary>
    private async ValueTask EndCommitsAsync()
    {
        while (_later.TryDequeue(out var next))
        {
            await ((Task)next.Reply).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
