using System.Collections.Concurrent;
using MailFunctions.Azure.Hosting;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Messages;

namespace MailFunctions.Edge.Accounts;

/// <summary>Notes which app passwords were used, once a minute each at most; no login waits for it.</summary>
internal sealed class AppPasswordUses(IAppPasswordUse store, TimeProvider time) : WriteBehind(TimeSpan.FromMinutes(1), time)
{
    /// <summary>Those of one minute; more are not noted.</summary>
    public const int Capacity = 10_000;

    private readonly ConcurrentDictionary<(string MailboxId, EmailAddress Address, string Id), DateTimeOffset> _uses = new();

    public void Note(string mailboxId, EmailAddress address, string appPasswordId)
    {
        if (_uses.Count < Capacity)
        {
            _uses[(mailboxId, address, appPasswordId)] = Time.GetUtcNow();
        }
    }

    protected override Task FlushAsync(CancellationToken cancellationToken) => WriteAsync(cancellationToken);

    /// <summary>Writes what was noted; what can't be written waits for the next time.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var use in _uses)
            {
                await store.RecordAsync(use.Key.MailboxId, use.Key.Address, use.Key.Id, use.Value, cancellationToken);
                _uses.TryRemove(use); // unless it was used again
            }
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            // Next time.
        }
    }
}
