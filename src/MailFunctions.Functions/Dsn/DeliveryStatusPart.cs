using System.Text;
using MimeKit;
using MimeKit.Utils;

namespace MailFunctions.Functions.Dsn;

/// <summary>
/// The fields of a report: `message/delivery-status` (RFC 3464), which is ASCII, or for senders of internationalized mail
/// `message/global-delivery-status` (RFC 6533 §4) where it isn't.
/// </summary>
internal static class DeliveryStatusPart
{
    public static MimePart Create(Report report, string reportingHost)
    {
        var fields = new Fields(report.MailFrom.SmtpUtf8);
        fields.Add("Original-Envelope-Id", report.MailFrom.Envid);
        fields.Add("Reporting-MTA", "dns; " + reportingHost);
        fields.Add("Arrival-Date", DateUtils.FormatDate(report.ReceivedAt));
        foreach (var recipient in report.Recipients)
        {
            fields.BeginGroup();
            AddRecipient(fields, recipient);
            if (recipient.Action == DsnAction.Delayed && report.RetriedUntil is { } until)
            {
                fields.Add("Will-Retry-Until", DateUtils.FormatDate(until));
            }
        }

        var text = fields.ToString();
        var plain = Ascii.IsValid(text);
        return new MimePart("message", plain ? "delivery-status" : "global-delivery-status")
        {
            Content = new MimeContent(new MemoryStream(Encoding.UTF8.GetBytes(text))),

            // RFC 3464 §2.1: 7bit and nothing else; RFC 6533 §4: any encoding.
            ContentTransferEncoding = plain ? ContentEncoding.SevenBit : ContentEncoding.QuotedPrintable,
        };
    }

    private static void AddRecipient(Fields fields, ReportedRecipient recipient)
    {
        // RFC 3464 §2.3.1: the type as it came, the address out of its xtext (RFC 3461 §4.2).
        if (recipient.Orcpt is { } orcpt && orcpt.IndexOf(';') is > 0 and var semicolon)
        {
            fields.AddAddress("Original-Recipient", orcpt[..semicolon] + ";", OriginalRecipient.Text(orcpt));
        }

        // RFC 6533 §3: an internationalized address has a type of its own.
        var address = recipient.Address;
        var (type, text) = Ascii.IsValid(address) ? ("rfc822; ", address) : ("utf-8; ", OriginalRecipient.Embed(address));
        fields.AddAddress("Final-Recipient", type, text);
        fields.Add("Action", recipient.Action.ToString().ToLowerInvariant());
        fields.Add("Status", recipient.Status);
        if (recipient.RemoteHost is { } host)
        {
            fields.Add("Remote-MTA", "dns; " + host);
            fields.Add("Diagnostic-Code", "smtp; " + recipient.Reply); // RFC 3464 §2.3.6: the peer's reply
        }

        fields.Add("Last-Attempt-Date", DateUtils.FormatDate(recipient.At));
    }

    private sealed class Fields(bool international)
    {
        private readonly StringBuilder _text = new();

        public void BeginGroup() => _text.Append("\r\n");

        public void Add(string name, string? value)
        {
            if (value is not null)
            {
                // A line break in a value would begin another field.
                var line = string.Concat(value.Select(c => char.IsControl(c) || (c > '~' && !international) ? '?' : c));
                _text.Append(name).Append(": ").Append(line).Append("\r\n");
            }
        }

        /// <summary>Where only ASCII may stand, the rest of an address is written as code points (RFC 6533 §3).</summary>
        public void AddAddress(string name, string type, string address) =>
            Add(name, type + (international ? address : OriginalRecipient.Embed(address, c => c > '~')));

        public override string ToString() => _text.ToString();
    }
}
