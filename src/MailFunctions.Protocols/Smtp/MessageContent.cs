using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// The content of one message on its way from the session into the intake: looks at the header section, puts this
/// server's fields on top, counts, and refuses. A refused message is read to its end and discarded.
/// </summary>
internal sealed class MessageContent(
    MailTransaction transaction, SmtpListener listener, SmtpSessionServices services, Origin origin, MessageRoom room) : IAsyncDisposable
{
    private readonly HeaderBuffer _header = new(room);
    private bool _headerDone;
    private bool _afterCr;
    private IReadOnlyList<string> _deliveredTo = [];
    private IIncomingMessage? _incoming;

    /// <summary>Why the message can't be taken; null so far.</summary>
    public SmtpReply? Refusal { get; private set; }

    /// <summary>Octets that the client sent, dots taken out.</summary>
    public long Octets { get; private set; }

    /// <summary>How it comes in.</summary>
    public DataPace Pace { get; } = new(listener.Limits.MinDataRate, services.Time, room);

    /// <summary>Who sends it.</summary>
    public ClientInfo Client => origin.Client;

    /// <summary>The octets checked so far end in a CR.</summary>
    public bool EndsInsideLineBreak => _afterCr;

    /// <summary>False when a CR stands without LF or an LF without CR; carries on over the pieces.</summary>
    public bool CheckLineBreaks(ReadOnlySpan<byte> octets)
    {
        while (!octets.IsEmpty)
        {
            if (_afterCr)
            {
                if (octets[0] != '\n')
                {
                    return false;
                }

                _afterCr = false;
                octets = octets[1..];
            }

            var at = octets.IndexOfAny((byte)'\r', (byte)'\n');
            if (at < 0)
            {
                return true;
            }

            if (octets[at] == '\n')
            {
                return false;
            }

            _afterCr = true;
            octets = octets[(at + 1)..];
        }

        return true;
    }

    /// <summary>Refuses the message; the first reason counts.</summary>
    public void Refuse(SmtpReply reply) => Refusal ??= reply;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        Octets += octets.Length;
        if (Octets > listener.Limits.MessageOctets)
        {
            Refuse(SmtpReplies.TooBig); // RFC 1870 §6.1: also when SIZE promised less
        }

        if (Refusal is not null)
        {
            await AbandonAsync();
            return;
        }

        try
        {
            if (_headerDone)
            {
                await _incoming!.WriteAsync(octets, cancellationToken);
            }
            else
            {
                await WriteHeaderAsync(octets, cancellationToken);
            }
        }
        catch (NoRoomException)
        {
            Refuse(SmtpReplies.NoRoom);
        }
        catch (IOException)
        {
            Refuse(SmtpReplies.StoreUnavailable);
        }
    }

    /// <summary>Ends the message: 250 only when blob and bus have it.</summary>
    public async ValueTask<SmtpReply> CommitAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (Refusal is null && !_headerDone)
            {
                await EndHeaderAsync(_header.Octets, cancellationToken);
            }

            if (Refusal is not null)
            {
                return Refusal;
            }

            if (await CheckAsync(cancellationToken) is { } refusal)
            {
                return refusal;
            }

            return await _incoming!.CommitAsync(Envelope(), cancellationToken) == IntakeResult.Accepted
                ? SmtpReplies.Accepted with { Text = $"Message accepted as {transaction.Id}" }
                : SmtpReplies.StoreUnavailable;
        }
        catch (NoRoomException)
        {
            return SmtpReplies.NoRoom;
        }
        catch (IOException)
        {
            return SmtpReplies.StoreUnavailable;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await AbandonAsync();
        room.Dispose();
    }

    private async ValueTask AbandonAsync()
    {
        _header.Release();
        if (_incoming is not null)
        {
            var incoming = _incoming;
            _incoming = null;
            await incoming.DisposeAsync();
        }
    }

    private async ValueTask WriteHeaderAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        // The usual case: the whole section is in the first piece, and nothing is copied.
        if (_header.Length == 0 && HeaderSection.FindEnd(octets.Span, 0) is >= 0 and var whole)
        {
            await EndHeaderAsync(octets[..whole], cancellationToken);
            await WriteBodyAsync(octets[whole..], cancellationToken);
            return;
        }

        var searched = _header.Length;
        var taken = Math.Min(octets.Length, SmtpLimits.HeaderSectionOctets - searched);
        await _header.AppendAsync(octets[..taken], cancellationToken);
        var end = HeaderSection.FindEnd(_header.Octets.Span, searched);
        if (end < 0 && _header.Length < SmtpLimits.HeaderSectionOctets)
        {
            return;
        }

        if (end < 0 && listener.IsSubmission)
        {
            Refuse(SmtpReplies.HeaderTooBig);
            return;
        }

        var length = end < 0 ? _header.Length : end;
        await EndHeaderAsync(_header.Octets[..length], cancellationToken);
        await WriteBodyAsync(_header.Octets[length..], cancellationToken);
        _header.Release();
        await WriteBodyAsync(octets[taken..], cancellationToken);
    }

    private async ValueTask WriteBodyAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        if (Refusal is null && !octets.IsEmpty)
        {
            await _incoming!.WriteAsync(octets, cancellationToken);
        }
    }

    private async ValueTask EndHeaderAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        _headerDone = true;
        var header = HeaderSection.Parse(octets.Span);
        _deliveredTo = header.DeliveredTo;
        if (header.ReceivedCount > SmtpLimits.MaxReceivedFields)
        {
            Refuse(SmtpReplies.Loop);
            return;
        }

        if (listener.IsSubmission && await CheckFromAsync(header, cancellationToken) is { } refusal)
        {
            Refuse(refusal);
            return;
        }

        var fields = new StringBuilder(512);
        TraceField.AppendReceived(fields, transaction, origin, listener.HostName);
        if (listener.IsSubmission)
        {
            TraceField.AppendMissing(fields, header, transaction, listener.HostName);
        }

        _incoming = services.Intake.Begin(transaction.Id, transaction.ReceivedAt, room);
        await _incoming.WriteAsync(Encoding.UTF8.GetBytes(fields.ToString()), cancellationToken);
        if (!octets.IsEmpty)
        {
            await _incoming.WriteAsync(octets, cancellationToken);
        }
    }

    private async ValueTask<SmtpReply?> CheckFromAsync(HeaderSection header, CancellationToken cancellationToken)
    {
        if (header.IsMalformed)
        {
            return SmtpReplies.HeaderMalformed;
        }

        if (header.From.Count != 1)
        {
            return SmtpReplies.FromMissing;
        }

        if (MailboxList.Parse(header.From[0]) is not { } authors)
        {
            return SmtpReplies.FromUnclear;
        }

        if (authors.Count == 0)
        {
            return SmtpReplies.FromMissing;
        }

        foreach (var author in authors)
        {
            switch (await services.Policy.CheckFromAsync(author, origin.Account!, cancellationToken))
            {
                case SenderVerdict.Accepted:
                    break;
                case SenderVerdict.Unavailable:
                    return SmtpReplies.DirectoryUnavailable;
                default:
                    return SmtpReplies.FromNotOwned;
            }
        }

        return null;
    }

    /// <summary>Asks once more for the recipients, now that the size is known; null: the message is taken.</summary>
    private async ValueTask<SmtpReply?> CheckAsync(CancellationToken cancellationToken)
    {
        var content = new IncomingContent(transaction.Recipients, transaction.MailFrom, _incoming!.Length, _deliveredTo);
        return await services.Policy.CheckContentAsync(content, cancellationToken) switch
        {
            ContentVerdict.Accepted => null,
            ContentVerdict.OverQuota => SmtpReplies.FullMailbox,
            ContentVerdict.TooBigForMailbox => SmtpReplies.TooBigForMailbox,
            ContentVerdict.Loop => SmtpReplies.SentOnBefore,
            ContentVerdict.Disabled => SmtpReplies.DisabledRecipient,
            _ => SmtpReplies.UnknownRecipient,
        };
    }

    private InboundEnvelope Envelope() => new()
    {
        Id = transaction.Id,
        ReceivedAt = transaction.ReceivedAt,
        Listener = listener.Kind,
        Client = origin.Client,
        MailFrom = transaction.MailFrom,
        Recipients = transaction.Recipients,
        Size = _incoming!.Length,
        Blob = _incoming.Blob,
        HoldUntil = transaction.HoldUntil,
    };
}
