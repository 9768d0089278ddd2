using MimeKit;
using MimeKit.Utils;

namespace MailFunctions.Functions.Inbound;

/// <summary>
/// Reads a message once, front to back, with MimeKit's event reader: no part is kept, so a message of any size takes
/// the same memory. Whatever the content, the message is read to its end and its length is right.
/// </summary>
internal sealed class SummaryReader : MimeReader
{
    /// <summary>Characters of one field of the summary.</summary>
    public const int MaxText = 1000;

    /// <summary>Octets of one header section that are read.</summary>
    public const int MaxHeaderOctets = 1024 * 1024;

    private const int MaxDeliveredTo = 100;
    private const int MaxAttachments = 100;
    private const int MaxAttachmentCharacters = 8 * 1024;
    private const int MaxMimeDepth = 64;

    private readonly BoundedHeaderStream _stream;
    private readonly List<string> _attachments = [];
    private readonly List<string> _deliveredTo = [];
    private int _hops;
    private int _attachmentCharacters;
    private bool _inMessageHeader = true;
    private bool _headerSeen;
    private ContentDisposition? _disposition;
    private string? _subject;
    private string? _from;
    private string? _to;
    private string? _messageId;
    private DateTimeOffset? _date;

    private SummaryReader(BoundedHeaderStream stream)
        : base(new ParserOptions { MaxMimeDepth = MaxMimeDepth }, stream, MimeFormat.Entity) => _stream = stream;

    /// <summary>Reads <paramref name="message"/> to its end.</summary>
    /// <exception cref="IOException">The store failed: this is no fault of the message.</exception>
    public static async Task<MessageSummary> ReadAsync(Stream message, CancellationToken cancellationToken)
    {
        var stream = new BoundedHeaderStream(message, MaxHeaderOctets);
        var reader = new SummaryReader(stream);
        string? fault = null;
        try
        {
            await reader.ReadMessageAsync(cancellationToken);
        }
        catch (Exception e) when (e is ParseException or FormatException or ArgumentException
            or HeaderTooLargeException or NotSupportedException)
        {
            fault = e is HeaderTooLargeException ? $"A header section has more than {MaxHeaderOctets} octets." : e.Message;
        }

        await stream.ReadToEndAsync(cancellationToken);
        return new MessageSummary
        {
            Octets = stream.Octets,
            LacksFinalLineBreak = stream.Octets > 0 && !stream.EndsInLineBreak,
            Subject = reader._subject,
            From = reader._from,
            To = reader._to,
            Date = reader._date,
            MessageId = reader._messageId,
            Attachments = reader._attachments,
            Hops = reader._hops,
            DeliveredTo = reader._deliveredTo,
            Fault = fault,
        };
    }

    protected override void OnHeadersBegin(long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        _disposition = null;
        _stream.InHeader = true;
        _inMessageHeader = !_headerSeen;
        _headerSeen = true;
    }

    protected override void OnHeadersEnd(
        long beginOffset, int beginLineNumber, long endOffset, int endLineNumber, CancellationToken cancellationToken)
    {
        _stream.InHeader = false;
        _inMessageHeader = false;
    }

    protected override void OnHeaderRead(Header header, int beginLineNumber, CancellationToken cancellationToken)
    {
        if (header.Id == HeaderId.ContentDisposition && ContentDisposition.TryParse(Options, header.RawValue, out var disposition))
        {
            _disposition = disposition;
        }

        if (!_inMessageHeader)
        {
            return;
        }

        if (header.Field.Equals("Delivered-To", StringComparison.OrdinalIgnoreCase) && _deliveredTo.Count < MaxDeliveredTo)
        {
            _deliveredTo.Add(Cut(header.Value));
        }

        // RFC 5322 §3.6: each of them once; of several the first counts.
        switch (header.Id)
        {
            case HeaderId.Received:
                _hops++;
                break;
            case HeaderId.Subject:
                _subject ??= Cut(header.Value);
                break;
            case HeaderId.From:
                _from ??= Addresses(header);
                break;
            case HeaderId.To:
                _to ??= Addresses(header);
                break;
            case HeaderId.Date when _date is null && DateUtils.TryParse(header.RawValue, out var date):
                _date = date;
                break;
            case HeaderId.MessageId:
                _messageId ??= Cut(MimeUtils.ParseMessageId(header.RawValue, 0, header.RawValue.Length) ?? header.Value.Trim());
                break;
        }
    }

    protected override void OnMimePartBegin(
        ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) =>
        AddAttachment(contentType);

    protected override void OnMessagePartBegin(
        ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) =>
        AddAttachment(contentType);

    private void AddAttachment(ContentType contentType)
    {
        var name = _disposition?.FileName ?? contentType.Name;
        if (name is { Length: > 0 } && _attachments.Count < MaxAttachments && _attachmentCharacters < MaxAttachmentCharacters)
        {
            name = Cut(name);
            _attachments.Add(name);
            _attachmentCharacters += name.Length;
        }

        _disposition = null;
    }

    private string Addresses(Header header) => Cut(
        InternetAddressList.TryParse(Options, header.RawValue, out var list)
            ? list.ToString(FormatOptions.Default, encode: false)
            : header.Value);

    /// <summary>One line without control characters, cut to its bound.</summary>
    private static string Cut(string text)
    {
        var line = string.Create(Math.Min(text.Length, MaxText), text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        }).Trim();
        return line.Length > 0 && char.IsHighSurrogate(line[^1]) ? line[..^1] : line;
    }
}
