using System.Globalization;
using System.Text;
using MailFunctions.Core.Relay;
using MimeKit;
using MimeKit.Text;

namespace MailFunctions.Functions.Dsn;

/// <summary>A delivery status notification (RFC 3464) about some recipients of a job.</summary>
internal static class DsnMessage
{
    /// <summary>Octets of the original that are sent back at most.</summary>
    public const int MaxReturned = 1024 * 1024;

    /// <param name="until">When the last attempt is made.</param>
    /// <param name="original">The message, or its header section alone; see <paramref name="whole"/>.</param>
    public static MimeMessage Create(
        OutboundJob job, DsnAction action, IReadOnlyList<RecipientResult> results, byte[] original, bool whole, string reportingHost, string id, DateTimeOffset now, DateTimeOffset until)
    {
        var message = new MimeMessage
        {
            Subject = action switch
            {
                DsnAction.Failed => "Your message could not be delivered",
                DsnAction.Delayed => "Your message is delayed",
                _ => "Your message was passed on",
            },
            Date = now,
            MessageId = $"{id}@{reportingHost}",
            Body = new MultipartReport("delivery-status")
            {
                Text(action, results),
                Status(job, action, results, reportingHost, until),
                Returned(original, whole),
            },
        };
        message.From.Add(new MailboxAddress("Mail delivery", "postmaster@" + reportingHost));
        message.To.Add(new MailboxAddress("", job.MailFrom.Address));
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-replied"); // RFC 3834 §5
        return message;
    }

    private static TextPart Text(DsnAction action, IReadOnlyList<RecipientResult> results)
    {
        var text = new StringBuilder(action switch
        {
            DsnAction.Failed => "Your message could not be delivered to:\r\n\r\n",
            DsnAction.Delayed => "Your message has not been delivered yet; you need not send it again, it is still tried. It waits for:\r\n\r\n",
            _ => "Your message was taken by a server that will send no notice of its own, for:\r\n\r\n",
        });
        foreach (var result in results)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {result.Recipient.Address}\r\n");
            text.Append(CultureInfo.InvariantCulture, $"    {(result.RemoteHost is { } host ? host + " said: " : "")}{result.Reply}\r\n\r\n");
        }

        return new TextPart(TextFormat.Plain) { Text = text.ToString() };
    }

    private static MessageDeliveryStatus Status(OutboundJob job, DsnAction action, IReadOnlyList<RecipientResult> results, string reportingHost, DateTimeOffset until)
    {
        var status = new MessageDeliveryStatus();
        var message = new HeaderList { { "Reporting-MTA", "dns; " + reportingHost } };
        if (job.MailFrom.Envid is { } envid)
        {
            message.Insert(0, new Header("Original-Envelope-Id", Printable(envid)));
        }

        message.Add("Arrival-Date", MimeKit.Utils.DateUtils.FormatDate(job.ReceivedAt));
        status.StatusGroups.Add(message);
        foreach (var result in results)
        {
            var group = new HeaderList();
            if (Original(result.Recipient.Orcpt) is { } original)
            {
                group.Add("Original-Recipient", original);
            }

            // RFC 6533 §3: an internationalized address has a type of its own.
            var type = System.Text.Ascii.IsValid(result.Recipient.Address) ? "rfc822" : "utf-8";
            group.Add("Final-Recipient", $"{type}; {Printable(result.Recipient.Address)}");
            group.Add("Action", action.ToString().ToLowerInvariant());
            group.Add("Status", result.Status);
            if (result.RemoteHost is { } host)
            {
                group.Add("Remote-MTA", "dns; " + host);
                group.Add("Diagnostic-Code", "smtp; " + Printable(result.Reply));
            }

            group.Add("Last-Attempt-Date", MimeKit.Utils.DateUtils.FormatDate(result.At));
            if (action == DsnAction.Delayed)
            {
                group.Add("Will-Retry-Until", MimeKit.Utils.DateUtils.FormatDate(until));
            }

            status.StatusGroups.Add(group);
        }

        return status;
    }

    private static MimePart Returned(byte[] original, bool whole) => new(whole ? "message" : "text", whole ? "rfc822" : "rfc822-headers")
    {
        Content = new MimeContent(new MemoryStream(original)),
    };

    /// <summary>RFC 3464 §2.3.1: the type as it came, the address out of its xtext (RFC 3461 §4.2).</summary>
    private static string? Original(string? orcpt) => orcpt?.IndexOf(';') is > 0 and var semicolon
        ? $"{orcpt[..semicolon]};{Printable(OriginalRecipient.Decode(orcpt[(semicolon + 1)..]))}"
        : null;

    // A line break in a value would begin another field.
    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
