using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;

namespace MailFunctions.Azure.Maildrops;

/// <summary>
/// The `lock` row of a mailbox: exclusive over all replicas (RFC 1939 §4), renewed while the session lives, free again
/// by itself after <see cref="Lifetime"/> when its holder was killed. The row names its owner, so that a write of our own
/// whose response was lost is recognised.
/// </summary>
internal sealed class MaildropLock : IAsyncDisposable
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(20);

    private const string ExpiresColumn = "ExpiresAt";
    private const string OwnerColumn = "Owner";
    private const int TakeAttempts = 3;

    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(5);

    private readonly TableClient _table;
    private readonly string _partition;
    private readonly string _owner;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _renewing;
    private ETag _etag;
    private long _expiresAt; // UTC ticks
    private bool _lost;
    private bool _unclear; // a write was sent and its response is not known

    private MaildropLock(TableClient table, string partition, string owner, TimeProvider time, ETag etag, DateTimeOffset expiresAt)
    {
        (_table, _partition, _owner, _time) = (table, partition, owner, time);
        Accept(etag, expiresAt);
        _renewing = RenewAsync();
    }

    /// <summary>False once another session has taken the lock, or it could not be renewed in time.</summary>
    public bool IsHeld => !Volatile.Read(ref _lost) && _time.GetUtcNow().UtcTicks < Volatile.Read(ref _expiresAt);

    /// <summary>Null when another session holds the lock.</summary>
    public static async Task<MaildropLock?> TakeAsync(
        TableClient table, string partition, TimeProvider time, CancellationToken cancellationToken)
    {
        var owner = Guid.NewGuid().ToString("N");
        for (var attempt = 0; attempt < TakeAttempts; attempt++)
        {
            var now = time.GetUtcNow();
            var row = Row(partition, owner, now + Lifetime);
            try
            {
                var added = await table.AddEntityAsync(row, cancellationToken);
                return new MaildropLock(table, partition, owner, time, EtagOf(added), now + Lifetime);
            }
            catch (RequestFailedException e) when (e.Status == 409)
            {
                // Held by a live session, left by a killed one, or our own write whose response was lost.
            }

            var found = await table.FindRowAsync(partition, MailboxRow.LockKey, cancellationToken);
            switch (found)
            {
                case null:
                    continue; // released just now
                case not null when found.GetString(OwnerColumn) == owner:
                    return new MaildropLock(table, partition, owner, time, found.ETag, ExpiryOf(found));
                case not null when ExpiryOf(found) > now:
                    return null;
            }

            try
            {
                var taken = await table.UpdateEntityAsync(row, found.ETag, TableUpdateMode.Replace, cancellationToken);
                return new MaildropLock(table, partition, owner, time, EtagOf(taken), now + Lifetime);
            }
            catch (RequestFailedException e) when (e.Status is 404 or 412)
            {
                // Conflict, or our own write whose response was lost; re-reading decides.
            }
        }

        return null;
    }

    /// <summary>
    /// Runs a transaction that also touches the lock row under its ETag: it fails when the lock was stolen meanwhile.
    /// </summary>
    /// <returns>False, and nothing is written, when the lock is not held any longer.</returns>
    public async Task<bool> SubmitAsync(List<TableTransactionAction> actions, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (!await IsCertainAsync(cancellationToken))
            {
                return false;
            }

            var expiresAt = _time.GetUtcNow() + Lifetime;
            actions.Add(new TableTransactionAction(TableTransactionActionType.UpdateReplace, Row(_partition, _owner, expiresAt), _etag));
            _unclear = true;
            var answers = await _table.SubmitTransactionAsync(actions, cancellationToken);
            Accept(EtagOf(answers.Value[^1]), expiresAt);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var limit = new CancellationTokenSource(ReleaseLimit);
        try
        {
            if (await IsCertainAsync(limit.Token))
            {
                await _table.DeleteEntityAsync(_partition, MailboxRow.LockKey, _etag, limit.Token);
            }
        }
        catch (Exception e) when (StorageFault.Is(e, CancellationToken.None))
        {
            // It runs out by itself.
        }

        _end.Dispose();
        _turn.Dispose();
    }

    private async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(RenewEvery, _time);
        try
        {
            while (IsHeld && await timer.WaitForNextTickAsync(_end.Token))
            {
                await RenewOnceAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The session is over.
        }
    }

    private async Task RenewOnceAsync()
    {
        await _turn.WaitAsync(_end.Token);
        try
        {
            if (!await IsCertainAsync(_end.Token))
            {
                return;
            }

            var expiresAt = _time.GetUtcNow() + Lifetime;
            _unclear = true;
            try
            {
                var answer = await _table.UpdateEntityAsync(
                    Row(_partition, _owner, expiresAt), _etag, TableUpdateMode.Replace, _end.Token);
                Accept(EtagOf(answer), expiresAt);
            }
            catch (RequestFailedException e) when (e.Status is 404 or 412)
            {
                await IsCertainAsync(_end.Token);
            }
        }
        catch (Exception e) when (StorageFault.Is(e, _end.Token))
        {
            // Tried again at the next tick, while the lock lasts.
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Whether the lock is held, by the row itself when the fate of the last write is not known.</summary>
    private async ValueTask<bool> IsCertainAsync(CancellationToken cancellationToken)
    {
        if (_unclear && !Volatile.Read(ref _lost))
        {
            var row = await _table.FindRowAsync(_partition, MailboxRow.LockKey, cancellationToken);
            if (row?.GetString(OwnerColumn) == _owner)
            {
                Accept(row.ETag, ExpiryOf(row));
            }
            else
            {
                Volatile.Write(ref _lost, true);
            }
        }

        return IsHeld;
    }

    private void Accept(ETag etag, DateTimeOffset expiresAt)
    {
        _etag = etag;
        Volatile.Write(ref _expiresAt, expiresAt.UtcTicks);
        _unclear = false;
    }

    private static TableEntity Row(string partition, string owner, DateTimeOffset expiresAt) =>
        new(partition, MailboxRow.LockKey) { [ExpiresColumn] = expiresAt, [OwnerColumn] = owner };

    private static DateTimeOffset ExpiryOf(TableEntity row) => row.GetDateTimeOffset(ExpiresColumn) ?? default;

    private static ETag EtagOf(Response response) => response.Headers.ETag ?? throw new RequestFailedException(response);
}
