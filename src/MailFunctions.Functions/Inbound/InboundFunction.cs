using System.Text.Json;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Telemetry;
using MailFunctions.Functions.Hosting;

namespace MailFunctions.Functions.Inbound;

/// <summary>The trigger on `mail-inbound`: one envelope, one delivery.</summary>
internal static partial class InboundFunction
{
    public const string Name = "Inbound";

    /// <summary>The binding of `function.json`.</summary>
    public const string Binding = "mail";

    /// <summary>The form of envelope that this code reads.</summary>
    private const int Version = 1;
    private const int MaxRecipients = 1000;

    public static void MapInbound(this WebApplication app)
    {
        var delivery = app.Services.GetRequiredService<InboundDelivery>();
        var time = app.Services.GetRequiredService<TimeProvider>();
        var logger = app.Services.GetRequiredService<ILogger<InboundDelivery>>();
        app.MapTrigger(Name, Binding, (body, cancellationToken) => RunAsync(delivery, time, logger, body, cancellationToken));
    }

    /// <summary>
    /// Storage that is away would spend the message's ten deliveries within seconds, since the host abandons and
    /// receives again at once: so an invocation goes on trying for most of the function timeout first.
    /// </summary>
    private static readonly TimeSpan KeepTrying = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(20);

    internal static async Task<TriggerResult> RunAsync(
        InboundDelivery delivery, TimeProvider time, ILogger logger, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        if (Read(body, out var fault) is not { } envelope)
        {
            Log.Malformed(logger, fault);
            return new TriggerResult.Failed(fault);
        }

        MailSpans.Tag(MailSpans.MessageTag, envelope.Id);
        var started = time.GetTimestamp();
        for (var pause = TimeSpan.FromSeconds(0.5); ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return Report(envelope, await delivery.DeliverAsync(envelope, cancellationToken), logger);
            }
            catch (Exception e) when (e is StoreUnavailableException or BusUnavailableException)
            {
                Log.Unavailable(logger, envelope.Id, e.Message);
                if (time.GetElapsedTime(started) + pause > KeepTrying)
                {
                    return new TriggerResult.Failed(e.Message);
                }
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private static TriggerResult Report(InboundEnvelope envelope, DeliveryOutcome outcome, ILogger logger)
    {
        if (outcome.Reported > 0)
        {
            Log.Reported(logger, envelope.Id, outcome.Reported);
        }

        if (outcome.Faults.Count == 0)
        {
            Log.Delivered(logger, envelope.Id, outcome.Delivered, outcome.Relayed);
            return new TriggerResult.Succeeded();
        }

        Log.Undelivered(logger, envelope.Id, outcome.Faults.Count, outcome.Faults[0]);
        return new TriggerResult.Failed(string.Join("; ", outcome.Faults.Take(10)));
    }

    /// <summary>The envelope, or null and what is wrong with it.</summary>
    internal static InboundEnvelope? Read(ReadOnlyMemory<byte> body, out string fault)
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
            _ when envelope.Blob is null || !envelope.Blob.EndsWith($"/{envelope.Id}.eml", StringComparison.Ordinal) => "The envelope's blob is not the one of its id.",
            { Client: null } or { MailFrom.Address: null } => "The envelope has no client or no mailFrom.",
            { Recipients: null or { Count: 0 or > MaxRecipients } } => $"The envelope has no recipients, or more than {MaxRecipients}.",
            _ when envelope.Recipients.FirstOrDefault(r => EmailAddress.Parse(r?.Address) is null) is var bad && bad is not null => "A recipient is no address.",
            _ => "",
        };
        return fault.Length == 0 ? envelope : null;
    }

    private static partial class Log
    {
        [LoggerMessage(3000, LogLevel.Information, "Message {Id} is in {Mailboxes} mailboxes and on its way to {Remote} recipients elsewhere", EventName = "MessageDelivered")]
        public static partial void Delivered(ILogger logger, string id, int mailboxes, int remote);

        [LoggerMessage(3001, LogLevel.Warning, "Message {Id} has {Count} recipients that it can't be delivered to, first: {First}", EventName = "MessageUndelivered")]
        public static partial void Undelivered(ILogger logger, string id, int count, string first);

        [LoggerMessage(3004, LogLevel.Information, "Message {Id} could not be delivered to {Count} recipients; its sender is told as NOTIFY asks", EventName = "MessageReported")]
        public static partial void Reported(ILogger logger, string id, int count);

        [LoggerMessage(3002, LogLevel.Error, "A message on mail-inbound is malformed and will be dead-lettered: {Fault}", EventName = "EnvelopeMalformed")]
        public static partial void Malformed(ILogger logger, string fault);

        [LoggerMessage(3003, LogLevel.Warning, "Message {Id} will be tried again: {Reason}", EventName = "DeliveryUnavailable")]
        public static partial void Unavailable(ILogger logger, string id, string reason);
    }
}
