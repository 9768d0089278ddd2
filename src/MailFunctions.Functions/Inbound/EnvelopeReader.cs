using System.Globalization;
using System.Text.Json;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Functions.Inbound;

/// <summary>
/// The body of a `mail-inbound` message as an envelope that the delivery can rely on. JSON fills in less than the types say: any
/// member may be null, and any list have nulls in it.
/// </summary>
internal static class EnvelopeReader
{
    /// <summary>The form of envelope that this code reads.</summary>
    private const int Version = 1;
    private const int MaxRecipients = 1000;
    private const int MaxPath = 1000;
    private const string DayFormat = "yyyy'/'MM'/'dd";

    private static readonly string[] Listeners = [ListenerKind.Mx, ListenerKind.Submission, ListenerKind.Internal];

    /// <summary>The envelope, or null and what is wrong with it.</summary>
    public static InboundEnvelope? Read(ReadOnlyMemory<byte> body, out string fault)
    {
        InboundEnvelope? envelope;
        try
        {
            envelope = JsonSerializer.Deserialize(body.Span, EnvelopeJson.Default.InboundEnvelope);
        }
        catch (JsonException e)
        {
            fault = $"The envelope can't be read at {e.Path}.";
            return null;
        }

        fault = envelope switch
        {
            null => "The envelope is null.",
            { V: not Version } => $"The envelope has version {envelope.V}; this function app reads version {Version}.",
            _ when !Guid.TryParseExact(envelope.Id, "D", out _) => "The envelope's id is no UUID.",
            _ when !IsBlobOf(envelope.Id, envelope.Blob) => "The envelope's blob is not the one of its id.",
            _ when !Listeners.Contains(envelope.Listener) => "The envelope has no listener, or an unknown one.",
            { Client: null or { Ip: null } } or { MailFrom: null or { Address: null } } => "The envelope has no client or no mailFrom.",
            _ when !IsLine(envelope.MailFrom.Address) => "The envelope's mailFrom is no path.",
            { ReceivedAt.Year: < 2000 or > 9000 } or { Size: < 0 } => "The envelope's receivedAt or size can't be.",
            { Recipients: null or { Count: 0 or > MaxRecipients } } => $"The envelope has no recipients, or more than {MaxRecipients}.",
            _ when envelope.Recipients.Any(r => !IsRecipient(r)) => "A recipient is no address.",
            _ => "",
        };
        return fault.Length == 0 ? envelope : null;
    }

    private static bool IsRecipient(EnvelopeRecipient? recipient) =>
        recipient is not null && EmailAddress.ParseReversePath(recipient.Address) is not null
        && IsLine(recipient.Notify) && IsLine(recipient.Orcpt);

    // Design §3.2: yyyy/MM/dd/{id}.eml.
    private static bool IsBlobOf(string id, string? blob) =>
        blob is not null && blob.EndsWith($"/{id}.eml", StringComparison.Ordinal)
        && DateOnly.TryParseExact(blob[..^(id.Length + 5)], DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);

    // It is written into header fields.
    private static bool IsLine(string? text) => text is null || (text.Length <= MaxPath && !text.Any(char.IsControl));
}
