using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Text;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Smtp;

public sealed partial class SmtpSession
{
    // RFC 5321 §4.1.1.4
    private async ValueTask<SmtpReply?> DataAsync(CancellationToken abort)
    {
        if (_transaction!.Recipients.Count == 0)
        {
            return SmtpReplies.NoRecipients;
        }

        Send(SmtpReplies.SendMessage);
        var transaction = _transaction;
        var content = transaction.Content = NewContent(); // the transaction disposes of it when the data breaks off
        var decoder = new DotDecoder();
        var ended = false;
        while (!ended)
        {
            var (status, buffer) = await ReadDataAsync(content.Pace, abort);
            if (status != InputStatus.Ready)
            {
                return await BreakOffAsync(status);
            }

            var position = buffer.Start;
            foreach (var segment in buffer)
            {
                var rest = segment;
                while (!rest.IsEmpty && !ended)
                {
                    ended = decoder.Read(rest.Span, out var consumed, out var start, out var length);
                    if (decoder.HasBareLineBreak)
                    {
                        content.Refuse(SmtpReplies.BareBreakInData); // answered at the true end of the data
                    }

                    if (length > 0)
                    {
                        await content.WriteAsync(rest.Slice(start, length), abort);
                    }

                    position = buffer.GetPosition(consumed, position);
                    rest = rest[consumed..];
                }

                if (ended)
                {
                    break;
                }
            }

            connection.Input.AdvanceTo(position);
            if (!ended && content.Octets > listener.Limits.DiscardOctets)
            {
                await ResetAsync();
                return Ending(SmtpReplies.FarTooBig, SessionEnd.ProtocolError);
            }
        }

        var reply = await FinishAsync(transaction, content, abort);
        if (decoder.HasBareLineBreak)
        {
            // The sender may have meant the data to end elsewhere: what follows can't be trusted to be commands.
            _end ??= SessionEnd.ProtocolError;
        }

        return reply;
    }

    // RFC 3030 §2: the chunk is always read, whatever the answer, so that its octets can't become commands.
    private async ValueTask<SmtpReply?> BdatAsync(string argument, CancellationToken abort)
    {
        var words = argument.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var last = words.Length == 2 && words[1].Equals("LAST", StringComparison.OrdinalIgnoreCase);
        if (words.Length is 0 or > 2 || (words.Length == 2 && !last) || words[0].Length > 18
            || !long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var size))
        {
            return Ending(SmtpReplies.BdatBadSize, SessionEnd.ProtocolError); // the end of the chunk is not known
        }

        if (size > listener.Limits.DiscardOctets)
        {
            await ResetAsync();
            return Ending(SmtpReplies.FarTooBig, SessionEnd.ProtocolError);
        }

        var refusal = _helo is null ? SmtpReplies.SayHelloFirst
            : listener.IsSubmission && _account is null ? SmtpReplies.AuthRequired
            : _transaction is null ? SmtpReplies.NeedMail
            : _transaction.Recipients.Count == 0 ? SmtpReplies.NoRecipients
            : null;
        var content = refusal is null ? _transaction!.Content ??= NewContent() : null;
        if (await ReadChunkAsync(size, content, abort) is var status and not InputStatus.Ready)
        {
            return await BreakOffAsync(status);
        }

        if (refusal is not null)
        {
            return refusal;
        }

        if (!last && content!.Refusal is null)
        {
            return new SmtpReply(250, "2.0.0", string.Create(CultureInfo.InvariantCulture, $"{size} octets received"));
        }

        if (content!.Refusal is null && content.EndsInsideLineBreak)
        {
            content.Refuse(SmtpReplies.BareBreakInData);
        }

        // RFC 3030 §2: after a failure the rest of the chunks meets 503, as there is no transaction any more.
        return await FinishAsync(_transaction!, content, abort);
    }

    private async ValueTask<InputStatus> ReadChunkAsync(long size, MessageContent? content, CancellationToken abort)
    {
        var pace = content?.Pace ?? new DataPace(listener.Limits.MinDataRate, services.Time, null); // a refused chunk is read, too
        while (size > 0)
        {
            var (status, buffer) = await ReadDataAsync(pace, abort);
            if (status != InputStatus.Ready)
            {
                return status;
            }

            var chunk = buffer.Slice(0, Math.Min(size, buffer.Length));
            if (content is not null)
            {
                foreach (var segment in chunk)
                {
                    if (!content.CheckLineBreaks(segment.Span))
                    {
                        content.Refuse(SmtpReplies.BareBreakInData); // RFC 5321 §2.3.8: chunks of text are lines as well
                    }

                    await content.WriteAsync(segment, abort);
                }
            }

            size -= chunk.Length;
            connection.Input.AdvanceTo(chunk.End);
        }

        return InputStatus.Ready;
    }

    /// <summary>Ends the transaction. While blob and bus take the message, commands that are there already go on.</summary>
    private async ValueTask<SmtpReply?> FinishAsync(MailTransaction transaction, MessageContent content, CancellationToken abort)
    {
        transaction.Content = null;
        _transaction = null;
        var commit = CommitAsync(transaction, content, abort);
        if (commit.IsCompletedSuccessfully)
        {
            return commit.Result;
        }

        await SendLaterAsync(commit.AsTask(), content.Octets);
        return null;
    }

    private async ValueTask<SmtpReply> CommitAsync(MailTransaction transaction, MessageContent content, CancellationToken abort)
    {
        SmtpReply? reply = null;
        if (transaction.Span is { } span)
        {
            Activity.Current = span; // the bus message carries it on
        }

        var ended = services.Time.GetUtcNow();
        try
        {
            // The commit outlives a client that hangs up: a blob without its bus message would be an orphan.
            reply = await content.CommitAsync(abort);
            if (!reply.IsFailure)
            {
                services.Events.Accepted(connection.RemoteEndPoint.Address, transaction.Id, transaction.Recipients.Count, content.Octets);
            }

            services.Events.Answered(new AnsweredMessage
            {
                Id = transaction.Id,
                EndedAt = ended,
                Listener = listener.Kind,
                Client = content.Client,
                ReversePath = transaction.MailFrom.Address,
                Recipients = transaction.Recipients,
                Octets = content.Octets,
                Reply = reply.Status,
            });
            return reply;
        }
        finally
        {
            End(transaction, reply, content.Octets);
            await content.DisposeAsync();
        }
    }

    private async ValueTask<SmtpReply?> BreakOffAsync(InputStatus status)
    {
        await ResetAsync();
        return status == InputStatus.TimedOut ? Ending(SmtpReplies.DataTimeout, SessionEnd.TimedOut) : EndBy(status);
    }

    /// <summary>The next piece of a message; the pace bounds how long a slow client holds a session and its memory.</summary>
    private async ValueTask<(InputStatus Status, ReadOnlySequence<byte> Buffer)> ReadDataAsync(DataPace pace, CancellationToken abort)
    {
        var reading = _input.ReadAsync(listener.Limits.DataTimeout, stopForDrain: false, abort);
        if (!reading.IsCompleted)
        {
            pace.BeginWait();
        }

        var (status, buffer, _) = await reading;
        return pace.EndWait(buffer.Length) || status != InputStatus.Ready ? (status, buffer) : (InputStatus.TimedOut, buffer);
    }

    /// <summary>The command behind a chunk: gaps count as the chunks do, so that small ones hold memory no longer.</summary>
    private async ValueTask<(InputStatus Status, string? Line)> ReadBetweenChunksAsync(MessageContent content, CancellationToken abort)
    {
        content.Pace.BeginWait();
        var (status, line) = await _input.ReadLineAsync(
            SmtpLimits.CommandLineOctets, listener.Limits.DataTimeout, CommandLine.Decode, abort);
        return content.Pace.EndWait(0) || status != InputStatus.Ready ? (status, line) : (InputStatus.TimedOut, null);
    }

    private MessageContent NewContent()
    {
        var room = services.Memory.Open(connection.RemoteEndPoint.Address);
        room.Evicted = _input.Interrupt;
        return new MessageContent(
            _transaction!, listener, services,
            new Origin(Client(), connection.RemoteEndPoint.Address, connection.Tls, _esmtp, _account), room);
    }
}
