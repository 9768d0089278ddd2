using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Maildrops;

/// <summary>
/// The octets that reading ahead may hold, over all sessions. When they are spent, sessions that have asked for nothing
/// for a while let go of theirs: no timer runs, and an idle session costs nothing for it.
/// </summary>
internal sealed class ReadAheadBudget(ByteBudget budget)
{
    private readonly Lock _lock = new();
    private readonly HashSet<MessageReader> _holders = [];

    public ByteBudget Budget => budget;

    public bool TryTake(long octets)
    {
        if (budget.TryTake(octets))
        {
            return true;
        }

        lock (_lock)
        {
            _holders.RemoveWhere(static holder => holder.LetGoIfIdle());
        }

        return budget.TryTake(octets);
    }

    /// <summary>Called when the reader has something already, so that none is overlooked.</summary>
    public void Join(MessageReader holder)
    {
        lock (_lock)
        {
            _holders.Add(holder);
        }
    }

    public void Leave(MessageReader holder)
    {
        lock (_lock)
        {
            _holders.Remove(holder);
        }
    }
}
