using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Amqp;
using Amqp.Types;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Counts over the HTTP administration, the oldest message by peeking.</summary>
internal sealed class ServiceBusMonitor(BusClient client, HttpClient http) : IBusMonitor
{
    private const int MaxAnswerOctets = 1024 * 1024;
    private const int PeekedForOldest = 32;
    private static readonly XNamespace Counts = "http://schemas.microsoft.com/netservices/2011/06/servicebus";

    public async Task<QueueCounts> CountAsync(string queue, CancellationToken cancellationToken)
    {
        var entry = await ReadEntryAsync(queue, cancellationToken).ConfigureAwait(false);
        var active = Read(entry, "ActiveMessageCount");
        return new QueueCounts(
            active,
            Read(entry, "ScheduledMessageCount"),
            Read(entry, "DeadLetterMessageCount"),
            active == 0 ? null : await OldestAsync(queue, cancellationToken).ConfigureAwait(false));
    }

    private async Task<XDocument> ReadEntryAsync(string queue, CancellationToken cancellationToken)
    {
        var address = new Uri(client.Options.Management, $"{Uri.EscapeDataString(queue)}?api-version=2021-05");
        try
        {
            var token = await client.Tokens.GetAsync($"sb://{client.Options.Host}/{queue}", cancellationToken).ConfigureAwait(false);
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.TryAddWithoutValidation("Authorization", token.Authorization);
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                throw new BusUnavailableException($"The bus's administration answered {(int)response.StatusCode} for '{queue}'.");
            }

            return XDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e) when (e is HttpRequestException or XmlException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new BusUnavailableException($"The bus's administration at {client.Options.Management.Host} can't be read: {e.Message}", e);
        }
    }

    private static long Read(XDocument entry, string name) =>
        entry.Descendants(Counts + name).FirstOrDefault() is { } element && long.TryParse(element.Value, CultureInfo.InvariantCulture, out var count)
            ? count
            : throw new BusUnavailableException($"The bus's administration gave no {name}: is the queue there?");

    private async Task<DateTimeOffset?> OldestAsync(string queue, CancellationToken cancellationToken)
    {
        var answer = await client.WithRetryAsync(
            (connection, limited) => connection.AskAsync(
                queue,
                ManagementRequest.Create("peek-message", new Map { ["from-sequence-number"] = 0L, ["message-count"] = PeekedForOldest }),
                limited),
            cancellationToken).ConfigureAwait(false);
        if (ManagementRequest.Status(answer) != 200 || answer.Body is not Map body)
        {
            return null;
        }

        foreach (Map entry in (List)body["messages"])
        {
            var encoded = (byte[])entry["message"];
            var message = Message.Decode(new ByteBuffer(encoded, 0, encoded.Length, encoded.Length));
            if (BusMessages.Annotation<int>(message, "x-opt-message-state") == 0)
            {
                return new DateTimeOffset(DateTime.SpecifyKind(BusMessages.Annotation<DateTime>(message, "x-opt-enqueued-time"), DateTimeKind.Utc));
            }
        }

        return null;
    }

    /// <summary>A client with bounds of its own.</summary>
    public static HttpClient CreateHttpClient() => new() { Timeout = TimeSpan.FromSeconds(10), MaxResponseContentBufferSize = MaxAnswerOctets };
}
