using System.Buffers;
using System.Globalization;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Protocols.Sessions;
using Utf8Text = System.Text.Unicode.Utf8;

namespace MailFunctions.Protocols.Pop3;

public sealed partial class Pop3Session
{
    /// <summary>Octets in the output before it is sent while a list or a message is written.</summary>
    private const int FlushEvery = 32 * 1024;

    /// <summary>Octets of a message that are put into the output at once: what a store gives in one piece may be any size.</summary>
    private const int PieceOctets = 16 * 1024;

    private const int ListingOctets = 80;

    /// <summary>How often a session may have all of its lists, or its messages, before it is paced.</summary>
    private const int FreeTimes = 4;

    private const string NoSuchMessage = "-ERR No such message";

    private async ValueTask<MessageList> MessagesAsync(CancellationToken abort) =>
        _messages ??= await MessageList.LoadAsync(_maildrop!, abort);

    // RFC 1939 §5
    private ValueTask Stat()
    {
        // Before anything was listed, the `state` row alone answers.
        var count = _messages is null ? _maildrop!.Count : _messages.Count - _messages.DeletedCount;
        var octets = _maildrop!.Bytes - (_messages?.DeletedOctets ?? 0);
        Say(string.Create(CultureInfo.InvariantCulture, $"+OK {count} {octets}"));
        return ValueTask.CompletedTask;
    }

    private ValueTask ListAsync(string argument, CancellationToken abort) => ScanAsync(argument, uniqueIds: false, abort);

    private ValueTask UidlAsync(string argument, CancellationToken abort) => ScanAsync(argument, uniqueIds: true, abort);

    /// <summary>LIST and UIDL: one message's line, or all of them.</summary>
    private async ValueTask ScanAsync(string argument, bool uniqueIds, CancellationToken abort)
    {
        var messages = await MessagesAsync(abort);
        var prefix = uniqueIds ? _maildrop!.UniqueIdPrefix : null;
        if (argument.Length > 0)
        {
            if (TryNumber(argument, messages, out var one))
            {
                _input.Output.Write("+OK "u8);
                SayListing(one, messages[one], prefix);
            }

            return;
        }

        Say(string.Create(CultureInfo.InvariantCulture, $"+OK {messages.Count - messages.DeletedCount} messages"));
        _listPace ??= new OutputPace(services.Time, FreeTimes * (FlushEvery + ((long)messages.Count * ListingOctets)));
        var octets = 0;
        for (var number = 1; number <= messages.Count; number++)
        {
            if (messages.Has(number))
            {
                octets += SayListing(number, messages[number], prefix);
                if (_input.Output.UnflushedBytes >= FlushEvery)
                {
                    if (!await FlushAsync(abort))
                    {
                        return;
                    }

                    await _listPace.TakeAsync(octets, abort);
                    octets = 0;
                }
            }
        }

        Say(".");
        await _listPace.TakeAsync(octets, abort);
    }

    /// <summary>`number size`, or `number unique-id` (RFC 1939 §7): at most 10 + 1 + 50 + 1 + 10 + 2 octets.</summary>
    private int SayListing(int number, MaildropMessage message, string? prefix)
    {
        var output = _input.Output;
        var line = output.GetSpan(ListingOctets);
        int written;
        _ = prefix is null
            ? Utf8Text.TryWrite(line, CultureInfo.InvariantCulture, $"{number} {message.Size}\r\n", out written)
            : Utf8Text.TryWrite(line, CultureInfo.InvariantCulture, $"{number} {prefix}.{message.Uid}\r\n", out written);
        output.Advance(written);
        return written;
    }

    private ValueTask RetrAsync(string argument, CancellationToken abort) => SendMessageAsync(argument, DotStuffer.AllLines, abort);

    // RFC 1939 §7
    private ValueTask TopAsync(string argument, CancellationToken abort)
    {
        var words = argument.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 2 || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var lines))
        {
            Fail("-ERR TOP needs a message number and a count of lines");
            return ValueTask.CompletedTask;
        }

        return SendMessageAsync(words[0], lines, abort);
    }

    private async ValueTask SendMessageAsync(string argument, long bodyLines, CancellationToken abort)
    {
        var messages = await MessagesAsync(abort);
        if (!TryNumber(argument, messages, out var number))
        {
            return;
        }

        var whole = bodyLines == DotStuffer.AllLines;
        var next = whole ? LikelyAfter(number, messages) : default;
        await using var content = await _maildrop!.OpenMessageAsync(messages[number].Uid, next, abort);
        if (content is null)
        {
            Fail("-ERR [SYS/PERM] The content of this message can't be found; the postmaster is told");
            return;
        }

        var output = _input.Output;
        Utf8Text.TryWrite(output.GetSpan(ListingOctets), CultureInfo.InvariantCulture, $"+OK {content.Size} octets\r\n", out var written);
        output.Advance(written);
        _messagePace ??= new OutputPace(services.Time, FreeTimes * (FlushEvery + _maildrop!.Bytes));
        var stuffer = new DotStuffer(bodyLines);
        var octets = 0L;
        try
        {
            while (!stuffer.IsDone && await content.ReadAsync(abort) is { IsEmpty: false } piece)
            {
                octets += piece.Length;
                await _messagePace.TakeAsync(piece.Length, abort);
                for (; !piece.IsEmpty; piece = piece[Math.Min(piece.Length, PieceOctets)..])
                {
                    stuffer.Write(piece.Span[..Math.Min(piece.Length, PieceOctets)], _input.Output);
                    if (_input.Output.UnflushedBytes >= FlushEvery && !await FlushAsync(abort))
                    {
                        return;
                    }
                }
            }
        }
        catch (Core.Messages.StoreUnavailableException)
        {
            // Half a message is sent: only the end of the connection shows that to the client.
            _end = SessionEnd.StoreAway;
            return;
        }

        stuffer.End(_input.Output);
        if (whole && _account!.ExpireAfterDays is not null)
        {
            MarkWhenSent(messages[number].Uid);
        }

        services.Events.Retrieved(octets);
    }

    /// <summary>Read ahead before they are asked for: docs/reading-ahead.md.</summary>
    private LikelyNext LikelyAfter(int number, MessageList messages) => _input.Peek(
        (Next: _next ??= new NextMessages(), number, messages),
        static (state, pipelined) => state.Next.After(state.number, state.messages, pipelined));

    /// <summary>A message whose end is still in the output has not been fetched.</summary>
    private void MarkWhenSent(uint uid)
    {
        if (_unsent is null)
        {
            _unsent = [];
            _input.Sent = () =>
            {
                _unsent.ForEach(u => _maildrop?.MarkFetched(u));
                _unsent.Clear();
            };
        }

        _unsent.Add(uid);
    }

    private async ValueTask DeleAsync(string argument, CancellationToken abort)
    {
        var messages = await MessagesAsync(abort);
        if (TryNumber(argument, messages, out var number))
        {
            messages.Mark(number);
            Say(string.Create(CultureInfo.InvariantCulture, $"+OK Message {number} will be deleted at QUIT"));
        }
    }

    private ValueTask Rset()
    {
        _messages?.Unmark();
        Say("+OK");
        return ValueTask.CompletedTask;
    }

    private ValueTask Noop()
    {
        Say("+OK");
        return ValueTask.CompletedTask;
    }

    // RFC 1939 §6: the UPDATE state.
    private async ValueTask QuitAsync(CancellationToken abort)
    {
        if (_unsent is { Count: > 0 })
        {
            await FlushAsync(abort); // pipelined before: fetched, if it leaves
        }

        _end = SessionEnd.Quit;
        var marked = _messages?.MarkedUids() ?? [];
        if (marked.Count == 0)
        {
            await UnlockAsync();
            Say("+OK Bye");
            return;
        }

        var deleted = await _maildrop!.DeleteAsync(marked, abort);
        services.Events.Deleted(deleted);
        await UnlockAsync();
        Say(deleted == marked.Count
            ? string.Create(CultureInfo.InvariantCulture, $"+OK Bye, {deleted} messages deleted")
            : string.Create(CultureInfo.InvariantCulture, $"-ERR [SYS/TEMP] Only {deleted} of {marked.Count} messages were deleted"));
    }

    /// <summary>Before the reply: a client that comes back at once finds the maildrop free.</summary>
    private async ValueTask UnlockAsync()
    {
        if (_maildrop is not null)
        {
            await _maildrop.DisposeAsync();
            _maildrop = null;
        }
    }

    private bool TryNumber(string text, MessageList messages, out int number)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && messages.Has(number))
        {
            return true;
        }

        Fail(NoSuchMessage);
        return false;
    }

    /// <summary>Sends what was written so far; false when the client does not read: the session is over.</summary>
    private async ValueTask<bool> FlushAsync(CancellationToken abort)
    {
        if (await _input.FlushAsync(abort))
        {
            return true;
        }

        _end = _input.WhyNotSent.ToSessionEnd();
        return false;
    }
}
