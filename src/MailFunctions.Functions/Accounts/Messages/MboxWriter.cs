using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// Writes a mailbox as mboxrd: a `From ` line before each message and an empty one behind it, and `&gt;` put before every
/// line of the message that begins with `From `, whether it has such marks already or not, so that taking one away
/// gives the message back (RFC 4155 names the media type). The octets of messages stay as they are, line breaks too;
/// the lines between them end in LF.
/// </summary>
internal sealed class MboxWriter(PipeWriter output)
{
    public const string MediaType = "application/mbox";
    private const string ReturnPath = "Return-Path: <";
    private const int FlushOctets = 64 * 1024;

    private static readonly byte[] From = "From "u8.ToArray();

    // At the beginning of a line behind any number of `>`: how many octets of `From ` were met and are held back.
    private int _met;
    private bool _mayQuote;

    /// <summary>All messages that can be read; one whose blob is gone is left out. Memory does not grow with the mailbox.</summary>
    public static async Task WriteAsync(IMailboxArchive archive, string mailboxId, Stream body, CancellationToken cancellationToken)
    {
        var output = PipeWriter.Create(body, new StreamPipeWriterOptions(leaveOpen: true));
        var writer = new MboxWriter(output);
        await foreach (var entry in archive.ReadAllAsync(mailboxId, 0, cancellationToken))
        {
            if (await archive.OpenAsync(entry, cancellationToken) is { } content)
            {
                await using (content)
                {
                    await writer.WriteAsync(entry, content, cancellationToken);
                }
            }
        }

        await output.CompleteAsync();
    }

    private async Task WriteAsync(MailboxEntry entry, IMaildropContent content, CancellationToken cancellationToken)
    {
        Encoding.UTF8.GetBytes(FromLine(entry), output);
        (_mayQuote, _met) = (true, 0);
        while (await content.ReadAsync(cancellationToken) is { IsEmpty: false } piece)
        {
            Quote(piece.Span);
            if (output.UnflushedBytes >= FlushOctets)
            {
                await output.FlushAsync(cancellationToken);
            }
        }

        Release();
        Put("\n"u8);
        await output.FlushAsync(cancellationToken);
    }

    private static string FromLine(MailboxEntry entry)
    {
        var sender = entry.Prologue.StartsWith(ReturnPath, StringComparison.Ordinal)
            ? entry.Prologue[ReturnPath.Length..entry.Prologue.IndexOf('>', StringComparison.Ordinal)]
            : "";
        sender = sender.Length == 0 ? "MAILER-DAEMON" : sender.Replace(' ', '-');
        var at = entry.ReceivedAt.UtcDateTime;
        return string.Create(CultureInfo.InvariantCulture, $"From {sender} {at:ddd MMM} {at.Day,2} {at:HH:mm:ss yyyy}\n");
    }

    private void Quote(ReadOnlySpan<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            if (!_mayQuote)
            {
                var lineEnd = piece.IndexOf((byte)'\n') + 1;
                var rest = lineEnd == 0 ? piece : piece[..lineEnd];
                Put(rest);
                piece = piece[rest.Length..];
                _mayQuote = lineEnd > 0;
                continue;
            }

            var octet = piece[0];
            if (octet == From[_met])
            {
                piece = piece[1..];
                if (++_met == From.Length)
                {
                    Put(">From "u8); // one mark more among those before it
                    (_met, _mayQuote) = (0, false);
                }
            }
            else if (octet == '>' && _met == 0)
            {
                Put(piece[..1]);
                piece = piece[1..];
            }
            else
            {
                Release();
                _mayQuote = false;
            }
        }
    }

    /// <summary>What was held back was no `From ` after all.</summary>
    private void Release()
    {
        Put(From.AsSpan(0, _met));
        _met = 0;
    }

    private void Put(ReadOnlySpan<byte> octets) => System.Buffers.BuffersExtensions.Write(output, octets);
}
