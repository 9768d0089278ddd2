using System.Threading.Channels;
using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>A client's link that receives from a queue: under peek-lock, or taking messages away as they are sent.</summary>
internal sealed class OutgoingLink : LinkEndpoint, IReceiver
{
    private const int MaxAtOnce = 32;
    private static readonly Symbol MessageLockLost = new("com.microsoft:message-lock-lost");
    private static readonly Symbol DeadLetterOutcome = new("com.microsoft:dead-letter");

    private readonly string _queue;
    private readonly LocalBus _bus;
    private readonly ListenerLink _link;
    private readonly bool _takesAway;
    private readonly CreditLedger _credit;
    private readonly Channel<bool> _wake =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public OutgoingLink(string queue, LocalBus bus, ListenerLink link, bool takesAway)
    {
        (_queue, _bus, _link, _takesAway) = (queue, bus, link, takesAway);
        _credit = new CreditLedger(link);
        bus.Subscribe(queue, this);
        _ = PumpAsync();
    }

    /// <summary>There may be something to send.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    public override void OnFlow(FlowContext flowContext)
    {
        _credit.OnFlow(flowContext);
        Wake();
    }

    public override void OnLinkClosed(ListenerLink link, Error error)
    {
        _bus.Unsubscribe(_queue, this);
        _wake.Writer.TryComplete();
    }

    private async Task PumpAsync()
    {
        try
        {
            while (await _wake.Reader.WaitToReadAsync())
            {
                _wake.Reader.TryRead(out _);
                await SendWaitingAsync();
            }
        }
        catch (Exception e)
        {
            _bus.ReportFault($"A receiver of '{_queue}' ended", e);
            _link.Close(TimeSpan.Zero, new Error(new Symbol(ErrorCode.InternalError)) { Description = e.Message });
        }
    }

    private async Task SendWaitingAsync()
    {
        while (!_link.IsClosed && _credit.Credit is > 0 and var credit)
        {
            var max = Math.Min(credit, MaxAtOnce);
            var messages = await (_takesAway ? _bus.Store.TakeNextAsync(_queue, max) : _bus.Store.LockNextAsync(_queue, max));
            foreach (var message in messages)
            {
                if (!_credit.TrySend(LockedMessage.From(message)))
                {
                    await ReturnAsync(message);
                }
            }

            if (messages.Count < max)
            {
                _credit.EndDrain();
                break;
            }
        }

        if (!_link.IsClosed)
        {
            _credit.EndDrain();
        }
    }

    /// <summary>Locked, and the link has gone: it never reached the receiver.</summary>
    private async Task ReturnAsync(StoredMessage message)
    {
        if (!_takesAway && await _bus.Store.SettleAsync(_queue, message.LockToken, new Settlement.Release()))
        {
            _bus.Announce(_queue);
        }
    }

    public override void OnDisposition(DispositionContext dispositionContext)
    {
        // After the link was lost the library makes up a Released: the lock lives on in the store.
        if (!_link.IsClosed && !_takesAway && dispositionContext.Message is LockedMessage message
            && dispositionContext.DeliveryState is Outcome outcome)
        {
            _ = SettleAsync(message, outcome);
        }
    }

    private async Task SettleAsync(LockedMessage message, Outcome outcome)
    {
        var settlement = Read(outcome);
        try
        {
            var held = await _bus.Store.SettleAsync(_queue, message.Stored.LockToken, settlement);
            _link.DisposeMessage(message, held ? Answer(outcome) : LockLost(), true);
            if (held)
            {
                _bus.Announce(_queue);
            }
        }
        catch (Exception e) when (e is AmqpException or Microsoft.Data.Sqlite.SqliteException)
        {
            _bus.ReportFault($"A delivery of '{_queue}' could not be settled", e);
        }
    }

    private static Settlement Read(Outcome outcome) => outcome switch
    {
        Accepted => new Settlement.Complete(),
        Modified { UndeliverableHere: true } deferred => new Settlement.Defer
        {
            Rewrite = SentMessages.Rewriting(deferred.MessageAnnotations),
        },
        Modified abandoned => new Settlement.Abandon { Rewrite = SentMessages.Rewriting(abandoned.MessageAnnotations) },
        Rejected rejected => ReadRejected(rejected.Error),
        _ => new Settlement.Release(),
    };

    private static Settlement.DeadLetter ReadRejected(Error? error)
    {
        string? reason = null, description = null;
        var changes = new Map();
        // Keys may be symbols or strings, and Fields' indexer throws on strings.
        foreach (var (key, value) in error?.Info ?? [])
        {
            switch (key.ToString())
            {
                case "DeadLetterReason":
                    reason = value as string;
                    break;
                case "DeadLetterErrorDescription":
                    description = value as string;
                    break;
                default:
                    changes[key.ToString()!] = value;
                    break;
            }
        }

        return error?.Condition is { } condition && !condition.Equals(DeadLetterOutcome)
            ? new Settlement.DeadLetter(condition, error.Description)
            : new Settlement.DeadLetter(reason, description) { Rewrite = SentMessages.Rewriting(changes) };
    }

    // Rejected is answered with accepted: the dead-lettering succeeded.
    private static Outcome Answer(Outcome outcome) => outcome is Rejected ? new Accepted() : outcome;

    private static Rejected LockLost() => new()
    {
        Error = new Error(MessageLockLost)
        {
            Description = "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
        },
    };
}
