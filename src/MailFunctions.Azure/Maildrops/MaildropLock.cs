using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Tables;

namespace MailFunctions.Azure.Maildrops;

/// <summary>
/// The `lock` row of a mailbox: exclusive over all replicas (RFC 1939 §4), renewed while the session lives, free again
/// by itself after <see cref="Lifetime"/> when its holder was killed.
/// </summary>
internal sealed class MaildropLock : IAsyncDisposable
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(20);

    private const string ExpiresColumn = "ExpiresAt";

    private readonly TableClient _table;
    private readonly string _partition;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _renewing;
    private ETag _etag;
    private DateTimeOffset _expiresAt;
    private bool _lost;

    private MaildropLock(TableClient table, string partition, TimeProvider time, ETag etag, DateTimeOffset expiresAt)
    {
        (_table, _partition, _time, _etag, _expiresAt) = (table, partition, time, etag, expiresAt);
        _renewing = RenewAsync();
    }

    /// <summary>False once another session has taken the lock, or it could not be renewed in time.</summary>
    public bool IsHeld => !Volatile.Read(ref _lost) && _time.GetUtcNow() < _expiresAt;

    /// <summary>Null when another session holds the lock.</summary>
    public static async Task<MaildropLock?> TakeAsync(TableClient table, string partition, TimeProvider time, CancellationToken cancellationToken)
    {
        var expiresAt = time.GetUtcNow() + Lifetime;
        try
        {
            var added = await table.AddEntityAsync(Row(partition, expiresAt), cancellationToken).ConfigureAwait(false);
            return new MaildropLock(table, partition, time, EtagOf(added), expiresAt);
        }
        catch (RequestFailedException e) when (e.Status == 409)
        {
            // Somebody's: live, or left behind by one who was killed.
        }

        var held = await table.GetEntityIfExistsAsync<TableEntity>(partition, MailboxRow.LockKey, cancellationToken: cancellationToken).ConfigureAwait(false);
        if (!held.HasValue || held.Value!.GetDateTimeOffset(ExpiresColumn) > time.GetUtcNow())
        {
            return null;
        }

        try
        {
            var taken = await table.UpdateEntityAsync(Row(partition, expiresAt), held.Value.ETag, TableUpdateMode.Replace, cancellationToken).ConfigureAwait(false);
            return new MaildropLock(table, partition, time, EtagOf(taken), expiresAt);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return null; // another one was quicker
        }
    }

    /// <summary>
    /// Runs a transaction that also touches the lock row under its ETag: it fails when the lock was stolen meanwhile.
    /// </summary>
    public async Task<bool> SubmitAsync(List<TableTransactionAction> actions, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!IsHeld)
            {
                return false;
            }

            var expiresAt = _time.GetUtcNow() + Lifetime;
            actions.Add(new TableTransactionAction(TableTransactionActionType.UpdateReplace, Row(_partition, expiresAt), _etag));
            var answers = await _table.SubmitTransactionAsync(actions, cancellationToken).ConfigureAwait(false);
            _etag = EtagOf(answers.Value[^1]);
            _expiresAt = expiresAt;
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (IsHeld)
        {
            try
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                await _table.DeleteEntityAsync(_partition, MailboxRow.LockKey, _etag, limit.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (StorageFault.IsTrouble(e, CancellationToken.None))
            {
                // It runs out by itself.
            }
        }

        _end.Dispose();
        _turn.Dispose();
    }

    private async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(RenewEvery, _time);
        try
        {
            while (IsHeld && await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false))
            {
                await RenewOnceAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The session is over.
        }
    }

    private async Task RenewOnceAsync()
    {
        await _turn.WaitAsync(_end.Token).ConfigureAwait(false);
        try
        {
            var expiresAt = _time.GetUtcNow() + Lifetime;
            var answer = await _table.UpdateEntityAsync(Row(_partition, expiresAt), _etag, TableUpdateMode.Replace, _end.Token).ConfigureAwait(false);
            _etag = EtagOf(answer);
            _expiresAt = expiresAt;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            Volatile.Write(ref _lost, true);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, _end.Token))
        {
            // Tried again at the next tick, while the lock lasts.
        }
        finally
        {
            _turn.Release();
        }
    }

    private static TableEntity Row(string partition, DateTimeOffset expiresAt) =>
        new(partition, MailboxRow.LockKey) { [ExpiresColumn] = expiresAt };

    private static ETag EtagOf(Response response) => response.Headers.ETag ?? throw new RequestFailedException(response);
}
