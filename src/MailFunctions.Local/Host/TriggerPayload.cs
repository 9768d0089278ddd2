using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using MailFunctions.Core.Bus;

namespace MailFunctions.Local.Host;

/// <summary>
/// The body of `POST /{function}`, encoded as the real host does it: strings and numbers as strings that hold their
/// JSON, dates without fractions of a second, objects as objects, octets as base64.
/// </summary>
internal static class TriggerPayload
{
    public static byte[] ForMessage(QueueFunction function, IReceivedMessage message, DateTimeOffset now)
    {
        var metadata = new Dictionary<string, Action<Utf8JsonWriter>>(StringComparer.OrdinalIgnoreCase)
        {
            ["DeliveryCount"] = w => w.WriteStringValue(message.DeliveryCount.ToString(CultureInfo.InvariantCulture)),
            ["LockToken"] = w => w.WriteStringValue(Quote(message.LockToken.ToString())),
            ["MessageId"] = w => w.WriteStringValue(Quote(message.MessageId)),
            ["SequenceNumber"] = w => w.WriteStringValue(message.SequenceNumber.ToString(CultureInfo.InvariantCulture)),
            ["EnqueuedTimeUtc"] = w => w.WriteStringValue(Date(message.EnqueuedTime)),
            ["ApplicationProperties"] = w => WriteProperties(w, message.ApplicationProperties),
            ["UserProperties"] = w => WriteProperties(w, message.ApplicationProperties),
            ["sys"] = w => WriteSystem(w, function.Name, now),
        };
        if (!function.IsBinary)
        {
            AddBodyMembers(message.Body, metadata);
        }

        return Write(w =>
        {
            w.WritePropertyName(function.Binding);
            if (function.IsBinary)
            {
                w.WriteBase64StringValue(message.Body.Span);
            }
            else
            {
                w.WriteStringValue(Quote(Encoding.UTF8.GetString(message.Body.Span)));
            }
        }, metadata);
    }

    public static byte[] ForTimer(TimerFunction function, TimerRun? last, bool isPastDue, DateTimeOffset now) => Write(
        w =>
        {
            w.WriteStartObject(function.Binding);
            w.WriteStartObject("Schedule");
            w.WriteBoolean("AdjustForDST", function.Schedule.AdjustForDst);
            w.WriteEndObject();
            w.WritePropertyName("ScheduleStatus");
            if (last is null)
            {
                w.WriteNullValue();
            }
            else
            {
                w.WriteStartObject();
                w.WriteString("Last", Date(last.Last));
                w.WriteString("Next", Date(last.Next));
                w.WriteString("LastUpdated", Date(last.LastUpdated));
                w.WriteEndObject();
            }

            w.WriteBoolean("IsPastDue", isPastDue);
            w.WriteEndObject();
        },
        new Dictionary<string, Action<Utf8JsonWriter>> { ["sys"] = w => WriteSystem(w, function.Name, now) });

    private static byte[] Write(Action<Utf8JsonWriter> data, Dictionary<string, Action<Utf8JsonWriter>> metadata)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("Data");
            data(writer);
            writer.WriteEndObject();
            writer.WriteStartObject("Metadata");
            foreach (var (name, write) in metadata)
            {
                writer.WritePropertyName(name);
                write(writer);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>The members of a JSON body overwrite metadata of the same name: a quirk that handlers have to live with.</summary>
    private static void AddBodyMembers(ReadOnlyMemory<byte> body, Dictionary<string, Action<Utf8JsonWriter>> metadata)
    {
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(body);
            root = document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return;
        }

        if (root.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in root.EnumerateObject())
            {
                var value = member.Value;
                metadata[member.Name] = w => WriteMember(w, value);
            }
        }
    }

    private static void WriteMember(Utf8JsonWriter writer, JsonElement value)
    {
        if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.Null)
        {
            value.WriteTo(writer);
        }
        else
        {
            writer.WriteStringValue(value.GetRawText());
        }
    }

    private static void WriteProperties(Utf8JsonWriter writer, IReadOnlyDictionary<string, object?> properties)
    {
        writer.WriteStartObject();
        foreach (var (name, value) in properties)
        {
            writer.WritePropertyName(name);
            switch (value)
            {
                case null:
                    writer.WriteNullValue();
                    break;
                case bool flag:
                    writer.WriteBooleanValue(flag);
                    break;
                case int or long or short or byte or uint:
                    writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                    break;
                case double or float:
                    writer.WriteNumberValue(Convert.ToDouble(value, CultureInfo.InvariantCulture));
                    break;
                default:
                    writer.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
                    break;
            }
        }

        writer.WriteEndObject();
    }

    private static void WriteSystem(Utf8JsonWriter writer, string function, DateTimeOffset now)
    {
        writer.WriteStartObject();
        writer.WriteString("MethodName", function);
        writer.WriteString("UtcNow", now.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
        writer.WriteString("RandGuid", Guid.NewGuid().ToString());
        writer.WriteEndObject();
    }

    private static string Quote(string text) => JsonSerializer.Serialize(text, PayloadJson.Default.String);

    private static string Date(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class PayloadJson : System.Text.Json.Serialization.JsonSerializerContext;

/// <summary>Content of unknown length: the host sends invocations chunked.</summary>
internal sealed class ChunkedContent : HttpContent
{
    private readonly byte[] _octets;

    public ChunkedContent(byte[] octets)
    {
        _octets = octets;
        Headers.TryAddWithoutValidation("Content-Type", "application/json; charset=utf-8");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(_octets).AsTask();

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        stream.WriteAsync(_octets, cancellationToken).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
