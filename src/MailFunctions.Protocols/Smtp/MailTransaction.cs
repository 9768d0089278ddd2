using System.Diagnostics;
using System.Globalization;
using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Sessions;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Protocols.Smtp;

/// <summary>One mail transaction, from MAIL to the end of the data (RFC 5321 §3.3).</summary>
internal sealed class MailTransaction(string id, DateTimeOffset receivedAt)
{
    private const int MaxRefusedKept = 20;

    private List<RefusedRecipient>? _refused;

    public string Id => id;

    public DateTimeOffset ReceivedAt => receivedAt;

    public EmailAddress? Sender { get; private set; }

    public ReversePath MailFrom { get; private set; } = new() { Address = "" };

    public List<EnvelopeRecipient> Recipients { get; } = [];

    /// <summary>The first of those that were refused, each once, for the trace.</summary>
    public IReadOnlyList<RefusedRecipient> Refused => _refused ?? [];

    /// <summary>Its one recipient has to be the only one.</summary>
    public bool TakesNoMore { get; set; }

    /// <summary>Refusals of recipients so far.</summary>
    public int RefusedCount { get; private set; }

    /// <summary>Recipients that had no room in this transaction any more.</summary>
    public int TooManyCount { get; set; }

    /// <summary>SIZE of MAIL (RFC 1870 §5), or 0.</summary>
    public long DeclaredSize { get; private set; }

    public DateTimeOffset? HoldUntil { get; private set; }

    /// <summary>Octets that the envelope takes, about.</summary>
    public int EnvelopeOctets { get; private set; }

    /// <summary>From MAIL to the reply; null when no spans are exported.</summary>
    public Activity? Span { get; private set; }

    /// <summary>Being written by BDAT.</summary>
    public MessageContent? Content { get; set; }

    /// <summary>Takes MAIL's argument; null, or the refusal.</summary>
    public SmtpReply? SetSender(PathArgument path, SmtpListener listener, bool esmtp, bool tls)
    {
        Sender = path.Address;
        var reversePath = new ReversePath { Address = path.Address?.ToString() ?? "" };
        foreach (var (name, value) in path.Parameters)
        {
            if (!esmtp)
            {
                return Unknown(name); // parameters belong to EHLO sessions (RFC 5321 §4.1.1.11)
            }

            switch (name)
            {
                case "SIZE" when value is { Length: <= 20 }
                    && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var size):
                    if (size > listener.Limits.MessageOctets)
                    {
                        return SmtpReplies.TooBig;
                    }

                    DeclaredSize = size;
                    break;
                case "BODY" when value?.ToUpperInvariant() is "7BIT" or "8BITMIME": // no BINARYMIME: decision record 0050
                    reversePath = reversePath with { Body = value.ToUpperInvariant() };
                    break;
                case "SMTPUTF8" when value is null:
                    reversePath = reversePath with { SmtpUtf8 = true };
                    break;
                case "RET" when value?.ToUpperInvariant() is "FULL" or "HDRS":
                    reversePath = reversePath with { Ret = value.ToUpperInvariant() };
                    break;
                case "ENVID" when value is { Length: <= 100 } && Xtext.Decode(value) is { } envid: // RFC 3461 §4.4
                    reversePath = reversePath with { Envid = envid };
                    break;
                case "REQUIRETLS" when value is null && tls: // RFC 8689 §2
                    reversePath = reversePath with { RequireTls = true };
                    break;
                case "AUTH" when value is { Length: <= 500 }:
                    break; // RFC 4954 §5: taken, not used; some clients send it where AUTH is not offered
                case "HOLDFOR" or "HOLDUNTIL" when listener.IsSubmission && value is not null && HoldUntil is null:
                    if (ParseHold(name, value, listener.Limits.MaxHoldSeconds) is not { } until)
                    {
                        return new SmtpReply(501, "5.5.4", $"{name} is not a time that can be asked for here");
                    }

                    HoldUntil = until;
                    break;
                case "SIZE" or "BODY" or "SMTPUTF8" or "RET" or "ENVID":
                    return new SmtpReply(501, "5.5.4", $"{name} has a value that it can't have");
                case "REQUIRETLS":
                    return new SmtpReply(550, "5.7.30", "REQUIRETLS needs TLS on this connection");
                default:
                    return Unknown(name);
            }
        }

        if (Sender is { IsInternationalized: true } && !reversePath.SmtpUtf8)
        {
            return SmtpReplies.NeedsSmtpUtf8;
        }

        MailFrom = reversePath;
        EnvelopeOctets = reversePath.Address.Length + (reversePath.Envid?.Length ?? 0);
        return null;
    }

    /// <summary>Makes a recipient of RCPT's parameters; null and the refusal when they can't be.</summary>
    public EnvelopeRecipient? ReadRecipient(EmailAddress address, PathArgument path, bool esmtp, out SmtpReply refusal)
    {
        refusal = SmtpReplies.Ok;
        var recipient = new EnvelopeRecipient { Address = address.ToString() };
        foreach (var (name, value) in path.Parameters)
        {
            switch (name)
            {
                case "NOTIFY" when esmtp && value is not null && ParseNotify(value) is { } notify:
                    recipient = recipient with { Notify = notify };
                    break;
                case "ORCPT" when esmtp && value is { Length: <= 500 } && IsOrcpt(value): // RFC 3461 §4.2
                    recipient = recipient with { Orcpt = value };
                    break;
                case "NOTIFY" or "ORCPT" when esmtp:
                    refusal = new SmtpReply(501, "5.5.4", $"{name} has a value that it can't have");
                    return null;
                default:
                    refusal = Unknown(name);
                    return null;
            }
        }

        if (address.IsInternationalized && !MailFrom.SmtpUtf8)
        {
            refusal = SmtpReplies.NeedsSmtpUtf8;
            return null;
        }

        return recipient;
    }

    public void Add(EnvelopeRecipient recipient)
    {
        Recipients.Add(recipient);
        EnvelopeOctets += SizeOf(recipient);
    }

    public void AddRefused(EmailAddress address, ReplyStatus reply)
    {
        RefusedCount++;
        _refused ??= [];
        if (_refused.Count < MaxRefusedKept && !_refused.Exists(r => r.Address.Equals(address)))
        {
            _refused.Add(new RefusedRecipient(address, reply));
        }
    }

    /// <summary>Begins the span of an accepted MAIL, if spans are exported.</summary>
    public void Begin(string listenerKind)
    {
        Span = MailSpans.Continue("smtp transaction", ActivityKind.Server, traceParent: null);
        Span?.SetTag(MailSpans.MessageTag, id).SetTag("mail.listener", listenerKind);
    }

    /// <summary>Ends the span; without a reply the transaction was given up.</summary>
    public void End(SmtpReply? reply, long octets = 0)
    {
        if (Span is not null)
        {
            Span.SetTag("mail.recipients", Recipients.Count).SetTag("mail.octets", octets).SetTag("smtp.reply", reply?.Code);
            Span.SetStatus(reply is { IsFailure: false } ? ActivityStatusCode.Unset : ActivityStatusCode.Error);
            Span.Dispose();
            Span = null;
        }
    }

    /// <summary>About the octets that a recipient adds to the envelope's JSON, in UTF-8.</summary>
    public static int SizeOf(EnvelopeRecipient recipient) =>
        50 + OctetsOf(recipient.Address) + OctetsOf(recipient.Notify) + OctetsOf(recipient.Orcpt);

    private static int OctetsOf(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);

    private static SmtpReply Unknown(string name) => new(555, "5.5.4", $"Parameter {name} is not known here");

    // RFC 3461 §4.1: NEVER alone, or a list of the others.
    private static string? ParseNotify(string value)
    {
        var words = value.ToUpperInvariant().Split(',');
        return words is ["NEVER"] || words.All(w => w is "SUCCESS" or "FAILURE" or "DELAY") ? string.Join(',', words.Distinct()) : null;
    }

    private static bool IsOrcpt(string value)
    {
        var semicolon = value.IndexOf(';');
        return semicolon > 0 && value.AsSpan(0, semicolon).IndexOfAnyExcept(System.Buffers.SearchValues.Create(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")) < 0
            && (value.StartsWith("utf-8;", StringComparison.OrdinalIgnoreCase) || Xtext.Decode(value[(semicolon + 1)..]) is not null);
    }

    // RFC 4865 §4: seconds from now, or an instant.
    private DateTimeOffset? ParseHold(string name, string value, int maxSeconds)
    {
        DateTimeOffset until;
        if (name == "HOLDFOR")
        {
            if (value.Length > 9 || !int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            {
                return null;
            }

            until = receivedAt.AddSeconds(seconds);
        }
        else if (!DateTimeOffset.TryParseExact(
            value, ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:sszzz"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal,
            out until))
        {
            return null;
        }

        return until >= receivedAt.AddSeconds(-1) && until <= receivedAt.AddSeconds(maxSeconds) ? until : null;
    }
}
