using System.Buffers;
using System.Globalization;
using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>
/// One mail transaction (RFC 5321 §3.3) and its progress: the replies received stay known when the connection breaks.
/// </summary>
internal sealed class SmtpTransaction(
    RelayClient client, ReversePath mailFrom, IReadOnlyList<OutboundRecipient> recipients, SmtpContent content)
{
    /// <summary>Octets read from the store at once, and of a chunk of BDAT.</summary>
    private const int ChunkOctets = 64 * 1024;

    /// <summary>Characters of ORCPT's value: a peer may refuse a longer one (RFC 3461 §4.2).</summary>
    private const int MaxOriginal = 500;

    private readonly PeerReply?[] _recipients = new PeerReply?[recipients.Count];

    /// <summary>To MAIL.</summary>
    public PeerReply? Sender { get; private set; }

    /// <summary>To RCPT, in the order of the recipients; null for those without a reply.</summary>
    public IReadOnlyList<PeerReply?> Recipients => _recipients;

    /// <summary>To DATA or BDAT where that was refused, else to the message.</summary>
    public PeerReply? End { get; private set; }

    /// <summary>RFC 3207 §4: the peer wants STARTTLS first, and it was not tried.</summary>
    public bool WantsTls => !client.IsTlsTried
        && (Sender?.AsksForTls is true || End?.AsksForTls is true || _recipients.Any(r => r?.AsksForTls is true));

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (client.NeedsReset)
        {
            await client.CommandAsync("RSET", cancellationToken);
        }

        client.NeedsReset = true; // until its content was accepted or refused
        await EnvelopeAsync(cancellationToken);
        if (WantsTls || Sender is not { IsPositive: true } || !_recipients.Any(r => r is { IsPositive: true }))
        {
            return;
        }

        try
        {
            await (content.Body == BodyType.Binary ? SendChunksAsync(cancellationToken) : SendDataAsync(cancellationToken));
        }
        catch
        {
            client.Abandon();
            throw;
        }
    }

    private async Task EnvelopeAsync(CancellationToken cancellationToken)
    {
        List<string> commands = [MailCommand(), .. recipients.Select(RcptCommand)];
        if (commands.Any(c => c.Any(char.IsControl)))
        {
            throw new InvalidDataException("A part of the envelope has a control character."); // it would be a command of its own
        }

        if (client.Extensions.Pipelining)
        {
            await client.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(commands.Select(c => c + "\r\n"))), cancellationToken);
        }

        for (var i = 0; i < commands.Count; i++)
        {
            if (!client.Extensions.Pipelining && !client.IsOpen)
            {
                return; // RFC 5321 §3.8: after 421 no more commands are sent
            }

            var reply = client.Extensions.Pipelining
                ? await client.ReadReplyAsync(cancellationToken)
                : await client.CommandAsync(commands[i], cancellationToken);
            if (i == 0)
            {
                Sender = reply;
            }
            else if (Sender!.IsPositive)
            {
                _recipients[i - 1] = reply; // the reply to RCPT after a refused MAIL has no meaning
            }

            if (i == 0 && !reply.IsPositive && (!client.Extensions.Pipelining || !client.IsOpen))
            {
                return;
            }
        }
    }

    private async Task SendDataAsync(CancellationToken cancellationToken)
    {
        var go = await client.CommandAsync("DATA", cancellationToken);
        if (!go.IsIntermediate)
        {
            // A message is accepted only after its content: 2yz here is the reply to another command.
            End = go.IsPositive ? throw new InvalidDataException("The peer's replies are not those to our commands.") : go;
            return;
        }

        var lines = new DataLines(dots: true);
        var ready = new ArrayBufferWriter<byte>(ChunkOctets + 1024);
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkOctets);
        try
        {
            int read;
            while ((read = await content.Stream.ReadAsync(chunk.AsMemory(0, ChunkOctets), cancellationToken)) > 0)
            {
                lines.Write(chunk.AsSpan(0, read), ready);
                try
                {
                    await client.WriteAsync(ready.WrittenMemory, cancellationToken);
                }
                catch (IOException)
                {
                    // A peer that closes within the content may have sent a reply first.
                    End = await client.ReadReplyAsync(cancellationToken) is { IsPositive: false } early ? early : null;
                    throw;
                }

                ready.ResetWrittenCount();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }

        lines.End(ready);
        ready.Write(".\r\n"u8);
        await client.WriteAsync(ready.WrittenMemory, cancellationToken);
        End = await client.ReadReplyAsync(cancellationToken);
        client.NeedsReset = false;
    }

    // RFC 3030 §2
    private async Task SendChunksAsync(CancellationToken cancellationToken)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkOctets);
        try
        {
            int read;
            do
            {
                read = await content.Stream.ReadAtLeastAsync(
                    chunk.AsMemory(0, ChunkOctets), ChunkOctets, throwOnEndOfStream: false, cancellationToken);
                var isLast = read < ChunkOctets;
                var command = string.Create(CultureInfo.InvariantCulture, $"BDAT {read}{(isLast ? " LAST" : "")}\r\n");
                await client.WriteAsync(Encoding.ASCII.GetBytes(command), cancellationToken);
                await client.WriteAsync(chunk.AsMemory(0, read), cancellationToken);
                var reply = await client.ReadReplyAsync(cancellationToken);
                if (isLast || !reply.IsPositive)
                {
                    End = reply;
                    client.NeedsReset = !reply.IsPositive; // RFC 3030 §2
                    return;
                }
            }
            while (true);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private string MailCommand()
    {
        var peer = client.Extensions;
        var command = new StringBuilder($"MAIL FROM:<{WirePath.Of(mailFrom.Address)}>");
        command.Append(content.International ? " SMTPUTF8" : "");
        if (peer.Size)
        {
            command.Append(CultureInfo.InvariantCulture, $" SIZE={content.Size}");
        }

        command.Append(content.Body switch
        {
            BodyType.Binary => " BODY=BINARYMIME",
            BodyType.EightBit when peer.EightBitMime => " BODY=8BITMIME",
            _ => "",
        });
        if (peer.Dsn)
        {
            // RFC 3461 §5.2.1: parameters are passed on unchanged; absent ones stay absent.
            command.Append(mailFrom.Envid is { } envid ? " ENVID=" + Xtext(envid) : "");
            command.Append(mailFrom.Ret is { } ret ? " RET=" + ret : "");
        }

        return command.Append(mailFrom.RequireTls ? " REQUIRETLS" : "").ToString();
    }

    private string RcptCommand(OutboundRecipient recipient)
    {
        var path = WirePath.Of(recipient.Address);
        var command = $"RCPT TO:<{path}>";
        if (!client.Extensions.Dsn || (recipient.Notify is null && recipient.Orcpt is null))
        {
            return command;
        }

        // With ORCPT alone: the default of NOTIFY (RFC 3461 §4.1). Without ORCPT the address is the original.
        var original = recipient.Orcpt is { } orcpt && (content.International || Ascii.IsValid(orcpt)) ? orcpt
            : Ascii.IsValid(path) && "rfc822;" + Xtext(path) is { Length: <= MaxOriginal } own ? own
            : null;
        return $"{command} NOTIFY={recipient.Notify ?? "FAILURE,DELAY"}{(original is null ? "" : " ORCPT=" + original)}";
    }

    /// <summary>RFC 3461 §4: everything but printable ASCII without `+` and `=` as two hexadecimal digits behind a plus sign.</summary>
    private static string Xtext(string text)
    {
        var written = new StringBuilder();
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            written.Append(octet is > 32 and < 127 and not ((byte)'+' or (byte)'=') ? ((char)octet).ToString() : $"+{octet:X2}");
        }

        return written.ToString();
    }
}
