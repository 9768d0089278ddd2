using System.Threading.Channels;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>
/// Receives from one queue. Credit is given for those who wait, and for <c>prefetch</c> more, because a lock's time
/// starts when credit is used. Settling goes through `$management`, which tells when a lock was lost and works after
/// the link has gone.
/// </summary>
internal sealed class ServiceBusReceiver : IBusReceiver
{
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    private readonly string _queue;
    private readonly int _prefetch;
    private readonly BusClient _client;
    private readonly Channel<ReceivedMessage> _arrived = Channel.CreateUnbounded<ReceivedMessage>(); // bounded by the credit given
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _lock = new();
    private readonly Task _running;
    private ReceiverLink? _link;
    private int _waiting;
    private int _asked;
    private int _buffered;
    private string _trouble = "it is being connected";

    public ServiceBusReceiver(string queue, int prefetch, BusClient client)
    {
        (_queue, _prefetch, _client) = (queue, prefetch, client);
        _running = RunAsync();
    }

    public async Task<IReceivedMessage?> ReceiveAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        limit.CancelAfter(wait);
        Wait(1);
        try
        {
            var message = await _arrived.Reader.ReadAsync(limit.Token).ConfigureAwait(false);
            lock (_lock)
            {
                _buffered--;
            }

            return message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            lock (_lock)
            {
                return _link is { IsClosed: false } || _closing.IsCancellationRequested
                    ? null
                    : throw new BusUnavailableException($"Nothing can be received from '{_queue}': {_trouble}");
            }
        }
        finally
        {
            Wait(-1);
        }
    }

    private void Wait(int change)
    {
        lock (_lock)
        {
            _waiting += change;
            AskForMore();
        }
    }

    /// <summary>Under the lock: gives the credit that is missing.</summary>
    private void AskForMore()
    {
        var missing = _waiting + _prefetch - _asked - _buffered;
        if (missing > 0 && _link is { IsClosed: false } link)
        {
            _asked += missing;
            link.SetCredit(missing, CreditMode.Manual); // adds
        }
    }

    private async Task RunAsync()
    {
        var delay = TimeSpan.FromMilliseconds(50);
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                var connection = await _client.ConnectAsync(_closing.Token).ConfigureAwait(false);
                var closed = await AttachAsync(connection).ConfigureAwait(false);
                delay = TimeSpan.FromMilliseconds(50);
                await closed.WaitAsync(_closing.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (BusUnavailableException e)
            {
                _trouble = e.Message;
                delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, LongestDelay.Ticks));
            }

            await Task.Delay(delay, _client.Time, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<Task> AttachAsync(BusConnection connection)
    {
        await connection.AuthorizeAsync(_queue, _closing.Token).ConfigureAwait(false);
        var opening = new LinkOpening();
        var link = new ReceiverLink(
            connection.Session,
            $"{_queue}-{Guid.NewGuid():N}",
            new Attach
            {
                Source = new Source { Address = _queue },
                Target = new Target(),
                SndSettleMode = SenderSettleMode.Unsettled,
                RcvSettleMode = ReceiverSettleMode.Second,
            },
            opening.OnAttached);
        await opening.WaitAsync(link, _queue, _client.Options.ConnectTimeout, _closing.Token).ConfigureAwait(false);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        link.AddClosedCallback((_, error) =>
        {
            _trouble = error?.Description ?? "the connection was lost";
            closed.TrySetResult();
        });
        link.Start(0, OnMessage);
        lock (_lock)
        {
            (_link, _asked) = (link, 0);
            AskForMore();
        }

        return closed.Task;
    }

    private void OnMessage(IReceiverLink link, Message message)
    {
        lock (_lock)
        {
            _buffered++;
            if (link == _link)
            {
                _asked--;
            }
        }

        _arrived.Writer.TryWrite(new ReceivedMessage((ReceiverLink)link, message, new Guid(message.DeliveryTag)));
    }

    public Task<bool> CompleteAsync(IReceivedMessage message, CancellationToken cancellationToken) =>
        SettleAsync(message, new Map { ["disposition-status"] = "completed" }, cancellationToken);

    public Task<bool> AbandonAsync(IReceivedMessage message, CancellationToken cancellationToken) =>
        SettleAsync(message, new Map { ["disposition-status"] = "abandoned" }, cancellationToken);

    public Task<bool> DeadLetterAsync(IReceivedMessage message, string reason, string description, CancellationToken cancellationToken) =>
        SettleAsync(
            message,
            new Map { ["disposition-status"] = "suspended", ["deadletter-reason"] = reason, ["deadletter-description"] = description },
            cancellationToken);

    private async Task<bool> SettleAsync(IReceivedMessage message, Map body, CancellationToken cancellationToken)
    {
        body["lock-tokens"] = new[] { message.LockToken };
        var answer = await AskAsync("update-disposition", body, cancellationToken).ConfigureAwait(false);
        (message as ReceivedMessage)?.Forget();
        if (IsLockLost(answer))
        {
            return false;
        }

        ManagementRequest.ThrowUnlessSuccess(answer, "settle a message");
        return true;
    }

    public async Task<DateTimeOffset?> RenewLockAsync(IReceivedMessage message, CancellationToken cancellationToken)
    {
        var answer = await AskAsync("renew-lock", new Map { ["lock-tokens"] = new[] { message.LockToken } }, cancellationToken).ConfigureAwait(false);
        if (IsLockLost(answer))
        {
            return null;
        }

        ManagementRequest.ThrowUnlessSuccess(answer, "renew a lock");
        var until = new DateTimeOffset(DateTime.SpecifyKind(((DateTime[])((Map)answer.Body)["expirations"])[0], DateTimeKind.Utc));
        if (message is ReceivedMessage received)
        {
            received.LockedUntil = until;
        }

        return until;
    }

    private Task<Message> AskAsync(string operation, Map body, CancellationToken cancellationToken) => _client.WithRetryAsync(
        (connection, limited) => connection.AskAsync(_queue, ManagementRequest.Create(operation, body), limited), cancellationToken);

    private static bool IsLockLost(Message answer) =>
        ManagementRequest.Status(answer) == 410 || ManagementRequest.Condition(answer) == "com.microsoft:message-lock-lost";

    /// <summary>Ends the link and gives back what was received ahead.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        if (_link is { IsClosed: false } link)
        {
            try
            {
                await link.CloseAsync(TimeSpan.FromSeconds(1), null).ConfigureAwait(false);
            }
            catch (Exception e) when (e is AmqpException or TimeoutException)
            {
                // Gone already.
            }
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        while (_arrived.Reader.TryRead(out var message))
        {
            try
            {
                await AbandonAsync(message, limit.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is BusUnavailableException or OperationCanceledException)
            {
                break; // the locks run out by themselves
            }
        }

        _closing.Dispose();
    }
}
