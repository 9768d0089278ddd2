using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dsn;
using MailKit;
using MailKit.Net.Smtp;
using MimeKit;

namespace MailFunctions.Functions.Outbound;

/// <summary>MailKit's client, with the replies kept recipient by recipient and the message's octets left alone.</summary>
internal sealed class RelayClient(OutboundJob job, X509Certificate2Collection? authorities) : SmtpClient
{
    private readonly Dictionary<string, OutboundRecipient> _recipients = job.Recipients.ToDictionary(r => r.Address);

    /// <summary>The reply to RCPT by address; none for those that were not asked about.</summary>
    public Dictionary<string, SmtpResponse> Replies { get; } = [];

    /// <summary>For SIZE and BDAT.</summary>
    public long ContentOctets { get; set; }

    /// <summary>The peer's DSN extension took our NOTIFY (RFC 3461 §5.2.2).</summary>
    public bool PassesNotifyOn => Capabilities.HasFlag(SmtpCapabilities.Dsn);

    protected override void Prepare(FormatOptions options, MimeMessage message, EncodingConstraint constraint, int maxLineLength) =>
        RawMessage.Hide(options); // what is sent was made ready before: see OutgoingContent

    protected override long GetSize(FormatOptions options, MimeMessage message, CancellationToken cancellationToken) => ContentOctets;

    protected override Task<long> GetSizeAsync(FormatOptions options, MimeMessage message, CancellationToken cancellationToken) => Task.FromResult(ContentOctets);

    protected override void OnRecipientAccepted(MimeMessage message, MailboxAddress mailbox, SmtpResponse response) =>
        Replies[mailbox.Name!] = response;

    protected override void OnRecipientNotAccepted(MimeMessage message, MailboxAddress mailbox, SmtpResponse response) =>
        Replies[mailbox.Name!] = response; // the others go on

    protected override string? GetEnvelopeId(MimeMessage message) => job.MailFrom.Envid;

    /// <summary>RFC 3461 §5.2.1: parameters go on as they came. What the sender did not say is not said.</summary>
    protected override DeliveryStatusNotification? GetDeliveryStatusNotifications(MimeMessage message, MailboxAddress mailbox)
    {
        var recipient = _recipients[mailbox.Name!];
        if (Original(recipient.Orcpt) is { } original && mailbox.Address != original && IsAddress(original))
        {
            // MailKit takes ORCPT from the mailbox, behind this call; RCPT's own address is written already (decision record 0023).
            mailbox.Address = original;
        }

        // With ORCPT alone: what is meant where NOTIFY is not said (§4.1).
        return recipient.Notify is { } notify ? Parse(notify)
            : recipient.Orcpt is not null ? DeliveryStatusNotification.Failure | DeliveryStatusNotification.Delay : null;
    }

    protected override SslClientAuthenticationOptions GetSslClientAuthenticationOptions(string host, RemoteCertificateValidationCallback remoteCertificateValidationCallback)
    {
        var tls = base.GetSslClientAuthenticationOptions(host, remoteCertificateValidationCallback);
        if (authorities is not null)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        return tls;
    }

    /// <summary>The address out of `rfc822;xtext`; null when it is of another kind.</summary>
    private static string? Original(string? orcpt) => orcpt?.StartsWith("rfc822;", StringComparison.OrdinalIgnoreCase) is true ? OriginalRecipient.Decode(orcpt[7..]) : null;

    private static bool IsAddress(string text) => MailboxAddress.TryParse(text, out var parsed) && parsed.Address == text;

    private static DeliveryStatusNotification Parse(string notify)
    {
        var asked = DeliveryStatusNotification.Never;
        foreach (var word in notify.Split(','))
        {
            asked |= word.ToUpper(CultureInfo.InvariantCulture) switch
            {
                "SUCCESS" => DeliveryStatusNotification.Success,
                "FAILURE" => DeliveryStatusNotification.Failure,
                "DELAY" => DeliveryStatusNotification.Delay,
                _ => DeliveryStatusNotification.Never,
            };
        }

        return asked;
    }
}
