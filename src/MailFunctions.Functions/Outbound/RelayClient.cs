using System.Globalization;
using MailFunctions.Core.Relay;
using MailKit;
using MailKit.Net.Smtp;
using MimeKit;

namespace MailFunctions.Functions.Outbound;

/// <summary>MailKit's client, with the replies kept recipient by recipient and the message's octets left alone.</summary>
internal sealed class RelayClient(OutboundJob job) : SmtpClient
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

    // RFC 3461 §5.2.1: parameters go on as they came. What the sender did not say is not said.
    protected override DeliveryStatusNotification? GetDeliveryStatusNotifications(MimeMessage message, MailboxAddress mailbox) =>
        _recipients[mailbox.Name!].Notify is { } notify ? Parse(notify) : null;

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
