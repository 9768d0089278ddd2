using System.Globalization;
using System.Text;
using MimeKit;
using MimeKit.Text;

namespace MailFunctions.Functions.Dsn;

/// <summary>A delivery status notification (RFC 3464): every part is encoded so that any host can take it, 7-bit ones too.</summary>
internal static class DsnMessage
{
    /// <summary>The actions in the order of their importance, with the subject of a report whose first action it is.</summary>
    private static readonly (DsnAction Action, string Subject, string Heading)[] Sections =
    [
        (DsnAction.Failed, "Your message could not be delivered", "Your message could not be delivered to:"),
        (
            DsnAction.Delayed,
            "Your message is delayed",
            "Your message waits, and is still tried: you need not send it again. It has yet to reach:"),
        (DsnAction.Delivered, "Your message was delivered", "Your message was delivered to:"),
        (DsnAction.Relayed, "Your message was passed on", "Your message was taken by a server that will send no report of its own, for:"),
        (DsnAction.Expanded, "Your message was passed on", "Your message was passed on to the members of:"),
    ];

    /// <param name="original">The message, or enough of it for <see cref="ReturnedContent"/>.</param>
    /// <param name="whole">It is the whole message, and the whole is to be returned.</param>
    public static MimeMessage Create(Report report, byte[] original, bool whole, string reportingHost, string id)
    {
        var message = new MimeMessage
        {
            Subject = Sections.First(s => report.Has(s.Action)).Subject,
            Date = report.At,
            MessageId = $"{id}@{reportingHost}",
            Body = new MultipartReport("delivery-status")
            {
                Text(report),
                DeliveryStatusPart.Create(report, reportingHost),
                ReturnedContent.Create(original, whole, report.MailFrom.SmtpUtf8),
            },
        };
        message.From.Add(new MailboxAddress("Mail delivery", "postmaster@" + reportingHost));
        message.To.Add(new MailboxAddress("", report.MailFrom.Address));
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-replied"); // RFC 3834 §5
        return message;
    }

    private static TextPart Text(Report report)
    {
        var text = new StringBuilder();
        foreach (var (action, _, heading) in Sections.Where(s => report.Has(s.Action)))
        {
            text.Append(heading).Append("\r\n\r\n");
            foreach (var recipient in report.Recipients.Where(r => r.Action == action))
            {
                text.Append(CultureInfo.InvariantCulture, $"  {recipient.Address}\r\n");
                var speaker = recipient.RemoteHost is { } host ? host + " said: " : "";
                text.Append(CultureInfo.InvariantCulture, $"    {speaker}{recipient.Reply}\r\n\r\n");
            }
        }

        var whole = text.ToString();
        return new TextPart(TextFormat.Plain)
        {
            Text = whole,
            ContentTransferEncoding = Ascii.IsValid(whole) ? ContentEncoding.SevenBit : ContentEncoding.QuotedPrintable,
        };
    }
}
