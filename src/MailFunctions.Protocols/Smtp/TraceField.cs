using System.Globalization;
using System.Text;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Protocols.Smtp;

/// <summary>Header fields that this server puts on top of a message.</summary>
internal static class TraceField
{
    /// <summary>RFC 5321 §4.4, with the protocol words of RFC 3848 and RFC 6531 §4.3.</summary>
    public static void AppendReceived(StringBuilder fields, MailTransaction transaction, Origin origin, string hostName)
    {
        var address = AddressLiteral.For(origin.Address);
        var helo = origin.Client.Helo ?? "unknown";
        var from = HelloName.AsDomain(helo) is { } domain ? $"{domain} ({address})" : $"{address} (helo={HelloName.AsText(helo)})";
        fields.Append("Received: from ").Append(from)
            .Append("\r\n\tby ").Append(hostName).Append(" with ").Append(Protocol(transaction, origin));
        if (origin.Tls is { } tls)
        {
            fields.Append(" (").Append(tls.Protocol).Append(' ').Append(tls.CipherSuite).Append(')');
        }

        fields.Append("\r\n\tid ").Append(transaction.Id);
        if (transaction.Recipients is [var only])
        {
            // For several, the field would show each of them to the others (RFC 5321 §7.6).
            fields.Append("\r\n\tfor <").Append(only.Address).Append('>');
        }

        fields.Append(";\r\n\t").Append(Date(transaction.ReceivedAt)).Append("\r\n");
    }

    /// <summary>RFC 6409 §8.2 and §8.3: what a submission lacks.</summary>
    public static void AppendMissing(StringBuilder fields, HeaderSection header, MailTransaction transaction, string hostName)
    {
        if (!header.HasDate)
        {
            fields.Append("Date: ").Append(Date(transaction.ReceivedAt)).Append("\r\n");
        }

        if (!header.HasMessageId)
        {
            fields.Append("Message-ID: <").Append(transaction.Id).Append('@').Append(hostName).Append(">\r\n");
        }
    }

    /// <summary>RFC 5322 §3.3.</summary>
    private static string Date(DateTimeOffset at) =>
        at.UtcDateTime.ToString("ddd, dd MMM yyyy HH:mm:ss", CultureInfo.InvariantCulture) + " +0000";

    private static string Protocol(MailTransaction transaction, Origin origin) =>
        !origin.Esmtp ? "SMTP"
        : (transaction.MailFrom.SmtpUtf8 ? "UTF8SMTP" : "ESMTP") + (origin.Tls is null ? "" : "S") + (origin.Account is null ? "" : "A");
}
