using System.Globalization;
using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>The node `{entity}/$management`: Service Bus's request-response operations.</summary>
internal sealed class ManagementNode(string queue, LocalBus bus)
{
    public const string Suffix = "/$management";
    private const string Prefix = "com.microsoft:";
    private const int MaxPeeked = 250;

    public async Task<Message> AnswerAsync(ListenerLink link, Message request)
    {
        var operation = request.ApplicationProperties?["operation"] as string;
        var body = request.Body as Map ?? [];
        try
        {
            return operation switch
            {
                Prefix + "renew-lock" => await RenewAsync(body),
                Prefix + "peek-message" => await PeekAsync(body),
                Prefix + "schedule-message" => await ScheduleAsync(body),
                Prefix + "cancel-scheduled-message" => await CancelAsync(body),
                Prefix + "receive-by-sequence-number" => await ReceiveAsync(body),
                Prefix + "update-disposition" => await SettleAsync(body),
                _ => Fault(501, "amqp:not-implemented", $"'{operation}' is not implemented."),
            };
        }
        catch (Exception e) when (e is InvalidCastException or FormatException or AmqpException)
        {
            return Fault(400, "com.microsoft:argument-error", $"The request '{operation}' is malformed: {e.Message}");
        }
    }

    private async Task<Message> RenewAsync(Map body)
    {
        var expiries = await bus.Store.RenewAsync(queue, LockTokens(body));
        return expiries.Length == 0 || expiries.Any(e => e is null)
            ? LockLost()
            : Success(new Map { ["expirations"] = expiries.Select(e => e!.Value).ToArray() });
    }

    private async Task<Message> PeekAsync(Map body)
    {
        var from = Convert.ToInt64(Get(body, "from-sequence-number") ?? 0L, CultureInfo.InvariantCulture);
        var count = Math.Clamp(Convert.ToInt32(Get(body, "message-count") ?? 1, CultureInfo.InvariantCulture), 1, MaxPeeked);
        var messages = await bus.Store.PeekAsync(queue, from, count);
        if (messages.Count == 0)
        {
            return Answer(204, "No content", null);
        }

        var list = new List();
        foreach (var message in messages)
        {
            list.Add(new Map { ["message"] = LockedMessage.From(message, isLooking: true).ToBytes() });
        }

        return Success(new Map { ["messages"] = list });
    }

    private async Task<Message> ScheduleAsync(Map body)
    {
        var messages = new List<NewMessage>();
        foreach (Map entry in (List)Get(body, "messages")!)
        {
            messages.Add(SentMessages.From((byte[])Get(entry, "message")!));
        }

        if (messages.Sum(m => (long)m.Body.Length) > bus.Settings.MaxMessageOctets)
        {
            return Fault(403, "amqp:link:message-size-exceeded", $"A request may hold {bus.Settings.MaxMessageOctets} octets.");
        }

        var sequences = await bus.Store.AddAsync(queue, messages);
        bus.Announce(queue);
        return Success(new Map { ["sequence-numbers"] = sequences });
    }

    private async Task<Message> CancelAsync(Map body) =>
        await bus.Store.CancelScheduledAsync(queue, (long[])Get(body, "sequence-numbers")!)
            ? Answer(200, "OK", null)
            : Fault(404, "com.microsoft:message-not-found", "The message was not scheduled any more.");

    private async Task<Message> ReceiveAsync(Map body)
    {
        var messages = await bus.Store.LockDeferredAsync(queue, (long[])Get(body, "sequence-numbers")!);
        if (messages.Count == 0)
        {
            return Fault(404, "com.microsoft:message-not-found", "No deferred message has that number.");
        }

        var list = new List();
        foreach (var message in messages)
        {
            list.Add(new Map { ["lock-token"] = message.LockToken, ["message"] = LockedMessage.From(message).ToBytes() });
        }

        return Success(new Map { ["messages"] = list });
    }

    private async Task<Message> SettleAsync(Map body)
    {
        Settlement? settlement = Get(body, "disposition-status") switch
        {
            "completed" => new Settlement.Complete(),
            "abandoned" => new Settlement.Abandon(),
            "defered" => new Settlement.Defer(), // the protocol's own spelling
            "suspended" =>
                new Settlement.DeadLetter(Get(body, "deadletter-reason") as string, Get(body, "deadletter-description") as string),
            _ => null,
        };
        if (settlement is null)
        {
            return Fault(400, "com.microsoft:argument-error", $"'{Get(body, "disposition-status")}' is not a disposition.");
        }

        settlement = settlement with { Rewrite = SentMessages.Rewriting(Get(body, "properties-to-modify") as Map) };
        foreach (var token in LockTokens(body))
        {
            if (!await bus.Store.SettleAsync(queue, token, settlement))
            {
                return LockLost();
            }
        }

        bus.Announce(queue);
        return Answer(200, "OK", null);
    }

    private static Guid[] LockTokens(Map body) => (Guid[])Get(body, "lock-tokens")!;

    private static object? Get(Map map, string key) => map.TryGetValue(key, out var value) ? value : null;

    private static Message LockLost() =>
        Fault(410, "com.microsoft:message-lock-lost",
            "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.");

    private static Message Success(Map body) => Answer(200, "OK", body);

    private static Message Fault(int status, string condition, string description)
    {
        var answer = Answer(status, description, null);
        answer.ApplicationProperties["errorCondition"] = new Symbol(condition);
        return answer;
    }

    private static Message Answer(int status, string description, Map? body)
    {
        var answer = new Message(body ?? []) { ApplicationProperties = new ApplicationProperties() };
        answer.ApplicationProperties["statusCode"] = status;
        answer.ApplicationProperties["statusDescription"] = description;
        return answer;
    }
}
