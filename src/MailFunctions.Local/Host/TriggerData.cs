using System.Globalization;
using System.Text.Json;
using Azure.Messaging.ServiceBus;
using Google.Protobuf;
using MailFunctions.Local.Host.App;
using MailFunctions.Local.Host.Rpc;

namespace MailFunctions.Local.Host;

/// <summary>The invocation of each kind of trigger, encoded as the real host does it.</summary>
internal static class TriggerData
{
    /// <summary>The request itself goes by HTTP; here goes what routing found.</summary>
    public static InvocationRequest ForHttp(HttpFunction function, HttpRequest http)
    {
        var request = New(function, new TypedData { Http = new RpcHttp() });
        var metadata = request.TriggerMetadata;
        foreach (var (name, value) in http.RouteValues)
        {
            metadata[name] = new TypedData { String = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "" };
        }

        foreach (var (name, values) in http.Query)
        {
            metadata[name] = new TypedData { String = values.ToString() };
        }

        metadata["Query"] = Json(http.Query.ToDictionary(q => q.Key, q => q.Value.ToString()));
        metadata["Headers"] = Json(http.Headers.ToDictionary(h => h.Key, h => h.Value.ToString()));
        return request;
    }

    public static InvocationRequest ForTimer(TimerFunction function, TimerRun? last, bool isPastDue)
    {
        var timer = new TimerData(new TimerScheduleData(function.Schedule.AdjustForDst), last, isPastDue);
        var json = JsonSerializer.Serialize(timer, TriggerJson.Default.TimerData);
        var request = New(function, new TypedData { Json = json });
        request.TriggerMetadata["TimerTrigger"] = new TypedData { String = json };
        return request;
    }

    /// <summary>Deferred binding: the AMQP message behind its lock token, which the worker makes a ServiceBusReceivedMessage of.</summary>
    public static InvocationRequest ForMessage(QueueFunction function, ServiceBusReceivedMessage message)
    {
        var octets = message.GetRawAmqpMessage().ToBytes().ToMemory();
        var content = new byte[16 + octets.Length];
        Guid.Parse(message.LockToken).TryWriteBytes(content);
        octets.CopyTo(content.AsMemory(16));
        var request = New(function, new TypedData
        {
            ModelBindingData = new ModelBindingData
            {
                Version = "1.0",
                Source = "AzureServiceBusReceivedMessage",
                ContentType = "application/octet-stream",
                Content = UnsafeByteOperations.UnsafeWrap(content),
            },
        });
        var metadata = request.TriggerMetadata;
        AddText(nameof(message.MessageId), message.MessageId);
        AddText(nameof(message.LockToken), message.LockToken);
        AddText(nameof(message.ContentType), message.ContentType);
        AddText(nameof(message.CorrelationId), message.CorrelationId);
        AddText(nameof(message.Subject), message.Subject);
        AddText("To", message.To);
        AddText("ReplyTo", message.ReplyTo);
        metadata["DeliveryCount"] = Json(message.DeliveryCount);
        metadata["SequenceNumber"] = Json(message.SequenceNumber);
        metadata["EnqueuedTimeUtc"] = Json(message.EnqueuedTime.UtcDateTime);
        metadata["ExpiresAtUtc"] = Json(message.ExpiresAt.UtcDateTime);
        metadata["ApplicationProperties"] = Json(
            message.ApplicationProperties.ToDictionary(p => p.Key, p => Convert.ToString(p.Value, CultureInfo.InvariantCulture)));
        if (message.ApplicationProperties.TryGetValue("Diagnostic-Id", out var trace) && trace is string parent)
        {
            request.TraceContext = new RpcTraceContext { TraceParent = parent };
        }

        return request;

        void AddText(string name, string? text)
        {
            if (!string.IsNullOrEmpty(text))
            {
                metadata[name] = new TypedData { String = text };
            }
        }
    }

    private static InvocationRequest New(FunctionDefinition function, TypedData data)
    {
        var request = new InvocationRequest { InvocationId = Guid.NewGuid().ToString() };
        request.InputData.Add(new ParameterBinding { Name = function.Binding, Data = data });
        return request;
    }

    private static TypedData Json<T>(T value) => new() { Json = JsonSerializer.Serialize(value) };
}

/// <summary>What a timer function gets.</summary>
internal sealed record TimerData(TimerScheduleData Schedule, TimerRun? ScheduleStatus, bool IsPastDue);

/// <param name="AdjustForDST">The schedule follows the clock.</param>
internal sealed record TimerScheduleData(bool AdjustForDST);

[System.Text.Json.Serialization.JsonSerializable(typeof(TimerData))]
internal sealed partial class TriggerJson : System.Text.Json.Serialization.JsonSerializerContext;
