using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace MailFunctions.Local.Bus.Store;

/// <summary>
/// One SQLite file with one writer: operations that wait at the same time share a transaction and so one fsync
/// (group commit). An operation's task ends only when its transaction is on the disk.
/// </summary>
internal sealed class BusDatabase : IAsyncDisposable
{
    private const int MaxWaiting = 4096;
    private const int MaxPerTransaction = 256;

    private const string Schema =
        """
        CREATE TABLE IF NOT EXISTS messages (
          sequence INTEGER PRIMARY KEY AUTOINCREMENT,
          queue TEXT NOT NULL,
          state INTEGER NOT NULL,
          body BLOB NOT NULL,
          enqueued_at INTEGER NOT NULL,
          scheduled_for INTEGER,
          expires_at INTEGER,
          delivery_count INTEGER NOT NULL DEFAULT 0,
          lock_token BLOB,
          locked_until INTEGER NOT NULL DEFAULT 0,
          dead_letter_reason TEXT,
          dead_letter_description TEXT,
          dead_letter_source TEXT);
        CREATE INDEX IF NOT EXISTS messages_by_queue ON messages (queue, state, sequence);
        CREATE UNIQUE INDEX IF NOT EXISTS messages_by_lock ON messages (lock_token) WHERE lock_token IS NOT NULL;
        CREATE TABLE IF NOT EXISTS seen (
          queue TEXT NOT NULL, message_id TEXT NOT NULL, until INTEGER NOT NULL,
          PRIMARY KEY (queue, message_id)) WITHOUT ROWID;
        """;

    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _statements = [];
    private readonly Channel<Operation> _operations = Channel.CreateBounded<Operation>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true });

    private readonly Task _writing;

    private BusDatabase(SqliteConnection connection)
    {
        _connection = connection;
        _writing = Task.Factory.StartNew(Write, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Opens the file, or makes it.</summary>
    /// <exception cref="SqliteException">It is no database, or another process has it.</exception>
    public static BusDatabase Open(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            connection.Open();
            using var setup = connection.CreateCommand();
            setup.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA busy_timeout=2000;"
                + Schema;
            setup.ExecuteNonQuery();
            return new BusDatabase(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Runs <paramref name="work"/> on the writer; returns once its effect is durable.</summary>
    public async Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken = default)
    {
        var operation = new Operation<T>(work);
        await _operations.Writer.WriteAsync(operation, cancellationToken);
        return await operation.Done;
    }

    /// <summary>A prepared statement with its parameters `$1`, `$2`… Only to be used by work on the writer.</summary>
    public SqliteCommand Statement(string sql, params ReadOnlySpan<object?> values)
    {
        if (!_statements.TryGetValue(sql, out var command))
        {
            command = _connection.CreateCommand();
            command.CommandText = sql;
            for (var i = 1; i <= values.Length; i++)
            {
                command.Parameters.Add(new SqliteParameter { ParameterName = "$" + i });
            }

            _statements.Add(sql, command);
        }

        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        return command;
    }

    private void Write()
    {
        var batch = new List<Operation>(MaxPerTransaction);
        while (_operations.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            batch.Clear();
            while (batch.Count < MaxPerTransaction && _operations.Reader.TryRead(out var operation))
            {
                batch.Add(operation);
            }

            Commit(batch);
        }
    }

    private void Commit(List<Operation> batch)
    {
        try
        {
            Statement("BEGIN IMMEDIATE").ExecuteNonQuery();
            foreach (var operation in batch)
            {
                Statement("SAVEPOINT one").ExecuteNonQuery();
                if (!operation.TryRun())
                {
                    Statement("ROLLBACK TO one").ExecuteNonQuery(); // only this one's effect
                }

                Statement("RELEASE one").ExecuteNonQuery();
            }

            Statement("COMMIT").ExecuteNonQuery();
        }
        catch (SqliteException e)
        {
            // A full or failing disk: nothing of the batch is acknowledged.
            foreach (var operation in batch)
            {
                operation.Fail(e);
            }

            TryRollback();
            return;
        }

        foreach (var operation in batch)
        {
            operation.End();
        }
    }

    private void TryRollback()
    {
        try
        {
            Statement("ROLLBACK").ExecuteNonQuery();
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself.
        }
    }

    public async ValueTask DisposeAsync()
    {
        _operations.Writer.TryComplete();
        await _writing;
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        await _connection.DisposeAsync();
    }

    private abstract class Operation
    {
        /// <summary>False when the work threw.</summary>
        public abstract bool TryRun();

        public abstract void End();

        public abstract void Fail(Exception e);
    }

    private sealed class Operation<T>(Func<T> work) : Operation
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T _result = default!;

        public Task<T> Done => _done.Task;

        public override bool TryRun()
        {
            try
            {
                _result = work();
                return true;
            }
            catch (Exception e)
            {
                _done.TrySetException(e);
                return false;
            }
        }

        public override void End() => _done.TrySetResult(_result);

        public override void Fail(Exception e) => _done.TrySetException(e);
    }
}
