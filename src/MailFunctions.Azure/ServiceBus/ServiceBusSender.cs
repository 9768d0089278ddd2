using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Sends over AMQP 1.0.</summary>
internal sealed class ServiceBusSender(BusClient client) : IBusSender, IDisposable
{
    private readonly ConcurrentDictionary<string, QueueSender> _queues = new();

    public Task OpenAsync(string queue, CancellationToken cancellationToken) =>
        client.WithRetryAsync((connection, limited) => Sender(queue).OpenAsync(connection, limited), cancellationToken);

    public Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) =>
        Sender(queue).SendAsync(() => BusMessages.Encode(message), cancellationToken);

    public async Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken)
    {
        var sender = Sender(queue);
        foreach (var batch in BusMessages.Pack(messages, sender.MaxOctets))
        {
            await sender.SendAsync(() => BusMessages.Batch(batch), cancellationToken).ConfigureAwait(false);
        }
    }

    public async Task<long> ScheduleAsync(string queue, BusMessage message, DateTimeOffset enqueueTime, CancellationToken cancellationToken)
    {
        var encoded = BusMessages.EncodeToBytes(message with { ScheduledEnqueueTime = enqueueTime });
        var answer = await client.WithRetryAsync(
            (connection, limited) => connection.AskAsync(
                queue,
                ManagementRequest.Create("schedule-message", new Map
                {
                    ["messages"] = new List { new Map { ["message"] = encoded, ["message-id"] = message.MessageId } },
                }),
                limited),
            cancellationToken).ConfigureAwait(false);
        ManagementRequest.ThrowUnlessSuccess(answer, "schedule a message");
        return ((long[])((Map)answer.Body)["sequence-numbers"])[0];
    }

    public async Task<bool> CancelScheduledAsync(string queue, long sequenceNumber, CancellationToken cancellationToken)
    {
        var answer = await client.WithRetryAsync(
            (connection, limited) => connection.AskAsync(
                queue,
                ManagementRequest.Create("cancel-scheduled-message", new Map { ["sequence-numbers"] = new[] { sequenceNumber } }),
                limited),
            cancellationToken).ConfigureAwait(false);
        if (ManagementRequest.Condition(answer) == "com.microsoft:message-not-found")
        {
            return false;
        }

        ManagementRequest.ThrowUnlessSuccess(answer, "cancel a scheduled message");
        return true;
    }

    private QueueSender Sender(string queue) => _queues.GetOrAdd(queue, static (q, c) => new QueueSender(q, c), client);

    public void Dispose()
    {
        foreach (var sender in _queues.Values)
        {
            sender.Dispose();
        }
    }
}

/// <summary>Requests to `{entity}/$management` and their answers.</summary>
internal static class ManagementRequest
{
    public static Message Create(string operation, Map body)
    {
        var request = new Message(body) { ApplicationProperties = new ApplicationProperties() };
        request.ApplicationProperties["operation"] = "com.microsoft:" + operation;
        return request;
    }

    public static int Status(Message answer) => answer.ApplicationProperties?["statusCode"] is int status ? status : 500;

    /// <summary>The error condition, or null.</summary>
    public static string? Condition(Message answer) => answer.ApplicationProperties?["errorCondition"]?.ToString();

    public static void ThrowUnlessSuccess(Message answer, string what)
    {
        if (Status(answer) is not (200 or 202 or 204))
        {
            throw new BusRefusedException($"The bus refused to {what}: {answer.ApplicationProperties?["statusDescription"]}");
        }
    }
}
