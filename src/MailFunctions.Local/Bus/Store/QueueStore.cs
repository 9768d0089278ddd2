using Microsoft.Data.Sqlite;

namespace MailFunctions.Local.Bus.Store;

/// <summary>The messages of all queues and what may be done to them. Every task ends when its effect is on the disk.</summary>
internal sealed class QueueStore(BusDatabase database, QueueSettings settings, TimeProvider time)
{
    private const string Columns =
        "sequence, body, state, enqueued_at, scheduled_for, delivery_count, lock_token, locked_until, " +
        "dead_letter_reason, dead_letter_description, dead_letter_source";

    private long Now => ToMilliseconds(time.GetUtcNow().UtcDateTime);

    /// <summary>Adds messages, all or none; a sequence number each, 0 for a duplicate that was dropped.</summary>
    public Task<long[]> AddAsync(string queue, IReadOnlyList<NewMessage> messages) => database.RunAsync(() =>
    {
        var now = Now;
        var sequences = new long[messages.Count];
        for (var i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            if (IsFirst(queue, message.MessageId, now))
            {
                sequences[i] = Insert(queue, message, now);
            }
        }

        return sequences;
    });

    private bool IsFirst(string queue, string messageId, long now) => database.Statement(
        "INSERT INTO seen (queue, message_id, until) VALUES ($1, $2, $3) " +
        "ON CONFLICT DO UPDATE SET until = excluded.until WHERE until < $4",
        queue, messageId, now + (long)settings.DuplicateWindow.TotalMilliseconds, now).ExecuteNonQuery() == 1;

    private long Insert(string queue, NewMessage message, long now)
    {
        var scheduled = message.ScheduledFor is { } at && ToMilliseconds(at) > now ? ToMilliseconds(at) : (long?)null;
        return (long)database.Statement(
            "INSERT INTO messages (queue, state, body, enqueued_at, scheduled_for, expires_at) VALUES ($1, $2, $3, "
            + "$4, $5, $6) RETURNING sequence",
            queue,
            (int)(scheduled is null ? MessageState.Active : MessageState.Scheduled),
            message.Body,
            scheduled ?? now,
            scheduled,
            message.TimeToLive is { } ttl ? (scheduled ?? now) + (long)ttl.TotalMilliseconds : null).ExecuteScalar()!;
    }

    /// <summary>Locks the next messages for a receiver.</summary>
    public Task<List<StoredMessage>> LockNextAsync(string queue, int max) => database.RunAsync(() =>
    {
        var now = Now;
        var found = new List<StoredMessage>();
        foreach (var sequence in ReadSequences(
            "SELECT sequence FROM messages WHERE queue = $1 AND state = 0 AND locked_until <= $2 ORDER BY sequence LIMIT $3", queue, now,
            max))
        {
            found.Add(Lock(sequence, now));
        }

        return found;
    });

    /// <summary>Takes the next messages away for good (receive-and-delete).</summary>
    public Task<List<StoredMessage>> TakeNextAsync(string queue, int max) => database.RunAsync(() =>
    {
        var taken = ReadMessages(
            "DELETE FROM messages WHERE sequence IN (SELECT sequence FROM messages WHERE queue = $1 AND state = 0 AND locked_until <= $2 "
            + $"ORDER BY sequence LIMIT $3) RETURNING {Columns}",
            queue, Now, max);
        taken.Sort((a, b) => a.Sequence.CompareTo(b.Sequence)); // RETURNING promises no order
        return taken;
    });

    /// <summary>Locks deferred messages by their numbers; those that are not there are left out.</summary>
    public Task<List<StoredMessage>> LockDeferredAsync(string queue, IReadOnlyList<long> sequences) => database.RunAsync(() =>
    {
        var now = Now;
        var found = new List<StoredMessage>();
        foreach (var sequence in sequences)
        {
            if (ReadSequences(
                "SELECT sequence FROM messages WHERE queue = $1 AND state = 1 AND locked_until <= $2 AND sequence = $3", queue, now,
                sequence).Count == 1)
            {
                found.Add(Lock(sequence, now));
            }
        }

        return found;
    });

    private StoredMessage Lock(long sequence, long now) => ReadMessages(
        "UPDATE messages SET lock_token = $2, locked_until = $3, delivery_count = delivery_count + 1 WHERE "
        + $"sequence = $1 RETURNING {Columns}",
        sequence, Guid.NewGuid().ToByteArray(), now + (long)settings.LockDuration.TotalMilliseconds)[0];

    /// <summary>False when the lock was lost: nothing changed.</summary>
    public Task<bool> SettleAsync(string queue, Guid lockToken, Settlement settlement) => database.RunAsync(() =>
    {
        var token = lockToken.ToByteArray();
        const string held = " WHERE lock_token = $1 AND queue = $2 AND locked_until > $3";
        var now = Now;
        if (settlement.Rewrite is { } rewrite
            && ReadMessages($"SELECT {Columns} FROM messages WHERE lock_token = $1 AND queue = $2 AND locked_until > $3", token, queue,
                now) is [var message])
        {
            database.Statement("UPDATE messages SET body = $4" + held, token, queue, now, rewrite(message.Body)).ExecuteNonQuery();
        }

        switch (settlement)
        {
            case Settlement.Complete:
                return database.Statement("DELETE FROM messages" + held, token, queue, now).ExecuteNonQuery() == 1;
            case Settlement.Abandon:
                return ExceedDeliveries(queue, "AND lock_token = $4 AND locked_until > $5", token, now) == 1
                    || database.Statement(
                        "UPDATE messages SET lock_token = NULL, locked_until = 0" + held, token, queue, now).ExecuteNonQuery() == 1;
            case Settlement.Release:
                return database.Statement(
                    "UPDATE messages SET lock_token = NULL, locked_until = 0, delivery_count = delivery_count - 1" + held,
                    token, queue, now).ExecuteNonQuery() == 1;
            case Settlement.Defer:
                return database.Statement(
                    "UPDATE messages SET lock_token = NULL, locked_until = 0, state = 1" + held, token, queue, now).ExecuteNonQuery() == 1;
            case Settlement.DeadLetter dead:
                return database.Statement(
                    DeadLetter + held, token, queue, now, queue + QueueSettings.DeadLetterSuffix, dead.Reason,
                    dead.Description).ExecuteNonQuery() == 1;
            default:
                throw new InvalidOperationException(settlement.GetType().Name);
        }
    });

    private const string DeadLetter =
        "UPDATE messages SET queue = $4, state = 0, dead_letter_source = $2, dead_letter_reason = $5, dead_letter_description = $6, " +
        "lock_token = NULL, locked_until = 0, expires_at = NULL";

    /// <summary>Dead-letters what has had its deliveries; how many that were.</summary>
    private int ExceedDeliveries(string queue, string which, params object[] values) =>
        QueueSettings.IsDeadLetter(queue)
            ? 0
            : database.Statement(
                "UPDATE messages SET queue = $2, state = 0, dead_letter_source = $1, dead_letter_reason = 'MaxDeliveryCountExceeded', " +
                "dead_letter_description = 'Message could not be consumed after ' || delivery_count || ' delivery attempts.', " +
                "lock_token = NULL, locked_until = 0, expires_at = NULL " +
                "WHERE queue = $1 AND delivery_count >= $3 " + which,
                [queue, queue + QueueSettings.DeadLetterSuffix, settings.MaxDeliveryCount, .. values]).ExecuteNonQuery();

    /// <summary>The new expiries, or null for a lock that was lost.</summary>
    public Task<DateTime?[]> RenewAsync(string queue, IReadOnlyList<Guid> lockTokens) => database.RunAsync(() =>
    {
        var now = Now;
        var until = now + (long)settings.LockDuration.TotalMilliseconds;
        return lockTokens.Select(token => database.Statement(
            "UPDATE messages SET locked_until = $1 WHERE lock_token = $2 AND queue = $3 AND locked_until > $4",
            until, token.ToByteArray(), queue, now).ExecuteNonQuery() == 1 ? FromMilliseconds(until) : (DateTime?)null).ToArray();
    });

    /// <summary>Messages in any state from a sequence number on, unlocked and unchanged.</summary>
    public Task<List<StoredMessage>> PeekAsync(string queue, long fromSequence, int max) => database.RunAsync(() =>
        ReadMessages(
            $"SELECT {Columns} FROM messages WHERE queue = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3", queue, fromSequence, max));

    /// <summary>False when one of them was not scheduled any more; then none is cancelled.</summary>
    public Task<bool> CancelScheduledAsync(string queue, IReadOnlyList<long> sequences) => database.RunAsync(() =>
    {
        if (!sequences.All(
            s => ReadSequences("SELECT sequence FROM messages WHERE queue = $1 AND state = $2 AND sequence = $3", queue, 2, s).Count == 1))
        {
            return false;
        }

        foreach (var sequence in sequences)
        {
            database.Statement("DELETE FROM messages WHERE sequence = $1", sequence).ExecuteNonQuery();
        }

        return true;
    });

    public Task<StoredCounts> CountAsync(string queue) => database.RunAsync(() =>
    {
        using var reader = database.Statement(
            "SELECT coalesce(sum(state = 0), 0), coalesce(sum(state = 1), 0), coalesce(sum(state = 2), 0), coalesce(sum(length(body)), 0) "
            + "FROM messages WHERE queue = $1",
            queue).ExecuteReader();
        reader.Read();
        return new StoredCounts(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3));
    });

    /// <summary>
    /// What time brings about: scheduled messages become active, lost locks are given up, spent or expired messages are
    /// dead-lettered, old message ids forgotten. True when a queue may have something to receive.
    /// </summary>
    public Task<bool> SweepAsync(IReadOnlyList<string> queues) => database.RunAsync(() =>
    {
        var now = Now;
        var due = database.Statement(
            "UPDATE messages SET state = 0, enqueued_at = scheduled_for WHERE state = 2 AND scheduled_for <= $1", now).ExecuteNonQuery();
        foreach (var queue in queues)
        {
            due += ExceedDeliveries(queue, "AND lock_token IS NOT NULL AND locked_until <= $4", now);
            if (!QueueSettings.IsDeadLetter(queue))
            {
                due += database.Statement(
                    "UPDATE messages SET queue = $2, state = 0, dead_letter_source = $1, dead_letter_reason = 'TTLExpiredException', " +
                    "dead_letter_description = 'The message expired and was dead lettered.', lock_token = NULL, locked_until = 0, " +
                    "expires_at = NULL WHERE queue = $1 AND expires_at <= $3 AND locked_until <= $3",
                    queue, queue + QueueSettings.DeadLetterSuffix, now).ExecuteNonQuery();
            }
        }

        due += database.Statement(
            "UPDATE messages SET lock_token = NULL, locked_until = 0 WHERE lock_token IS NOT NULL AND locked_until <= $1",
            now).ExecuteNonQuery();
        database.Statement("DELETE FROM seen WHERE until < $1", now).ExecuteNonQuery();
        return due > 0;
    });

    private List<long> ReadSequences(string sql, object a, object b, object c)
    {
        using var reader = database.Statement(sql, a, b, c).ExecuteReader();
        var found = new List<long>();
        while (reader.Read())
        {
            found.Add(reader.GetInt64(0));
        }

        return found;
    }

    private List<StoredMessage> ReadMessages(string sql, object a, object b, object c)
    {
        using var reader = database.Statement(sql, a, b, c).ExecuteReader();
        var found = new List<StoredMessage>();
        while (reader.Read())
        {
            found.Add(Read(reader));
        }

        return found;
    }

    private static StoredMessage Read(SqliteDataReader row) => new(
        row.GetInt64(0),
        (byte[])row.GetValue(1),
        (MessageState)row.GetInt32(2),
        FromMilliseconds(row.GetInt64(3)),
        row.IsDBNull(4) ? null : FromMilliseconds(row.GetInt64(4)),
        row.GetInt32(5),
        row.IsDBNull(6) ? Guid.Empty : new Guid((byte[])row.GetValue(6)),
        FromMilliseconds(row.GetInt64(7)),
        row.IsDBNull(8) ? null : row.GetString(8),
        row.IsDBNull(9) ? null : row.GetString(9),
        row.IsDBNull(10) ? null : row.GetString(10));

    private static long ToMilliseconds(DateTime utc) =>
        (utc.ToUniversalTime().Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;

    private static DateTime FromMilliseconds(long milliseconds) => DateTime.UnixEpoch.AddMilliseconds(milliseconds);
}
