using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>
/// Gives the one open connection, opening another when it was lost. Callers that come while one is being opened share
/// it; after a failure the next try waits, 50 ms at first and 2 s at last, so that a bus that is away is not stormed.
/// </summary>
internal sealed class BusClient(BusOptions options, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    private readonly BusTokens _tokens = BusTokens.For(options, time);
    private readonly SemaphoreSlim _opening = new(1);
    private volatile BusConnection? _connection;
    private TimeSpan _delay = FirstDelay;
    private long _failedAt;
    private bool _failed;
    private bool _disposed;

    public BusOptions Options => options;

    public BusTokens Tokens => _tokens;

    public TimeProvider Time => time;

    /// <exception cref="BusUnavailableException">This try failed; the caller may try again within its own time.</exception>
    public async ValueTask<BusConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_connection is { IsOpen: true } open)
        {
            return open;
        }

        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_connection is { IsOpen: true } opened)
            {
                return opened;
            }

            if (_connection is { } lost)
            {
                _connection = null;
                await lost.DisposeAsync().ConfigureAwait(false);
            }

            await WaitAfterFailureAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                _connection = await BusConnection.OpenAsync(options, _tokens, time, cancellationToken).ConfigureAwait(false);
                (_failed, _delay) = (false, FirstDelay);
                return _connection;
            }
            catch (BusUnavailableException)
            {
                _delay = _failed ? TimeSpan.FromTicks(Math.Min(_delay.Ticks * 2, LongestDelay.Ticks)) : FirstDelay;
                (_failed, _failedAt) = (true, time.GetTimestamp());
                throw;
            }
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task WaitAfterFailureAsync(CancellationToken cancellationToken)
    {
        if (_failed && _delay - time.GetElapsedTime(_failedAt) is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Runs <paramref name="operation"/> until it succeeds or the operation time limit is over.</summary>
    /// <exception cref="BusUnavailableException">The last try's reason.</exception>
    public async Task<T> WithRetryAsync<T>(Func<BusConnection, CancellationToken, Task<T>> operation, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.OperationTimeout);
        BusUnavailableException? last = null;
        while (true)
        {
            try
            {
                var connection = await ConnectAsync(limit.Token).ConfigureAwait(false);
                return await operation(connection, limit.Token).ConfigureAwait(false);
            }
            catch (BusUnavailableException e) when (e is not BusRefusedException && !limit.IsCancellationRequested)
            {
                last = e;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw last ?? new BusUnavailableException($"The bus at {options.Host} did not answer within {options.OperationTimeout.TotalSeconds:0.#} s.");
            }

            await Task.Delay(FirstDelay, time, CancellationToken.None).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _opening.WaitAsync().ConfigureAwait(false);
        _disposed = true;
        if (_connection is { } connection)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        _opening.Release();
    }
}
