using Amqp;
using Amqp.Listener;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>
/// The credit that a receiving peer has given. The library loses its own count when a flow leaves the credit as it
/// was (it takes that as no credit) and does not check it on sending, so every send goes through here.
/// </summary>
internal sealed class CreditLedger(ListenerLink link)
{
    private readonly Lock _lock = new();
    private int _credit;
    private bool _draining;

    public int Credit
    {
        get
        {
            lock (_lock)
            {
                return _credit;
            }
        }
    }

    /// <summary>Takes in a flow; afterwards the library's count is ours.</summary>
    public void OnFlow(FlowContext flow)
    {
        lock (_lock)
        {
            _credit = Math.Max(0, _credit + flow.Messages);
            _draining = link.IsDraining;
            if (flow.Messages <= 0 && !_draining && _credit > 0)
            {
                link.SetCredit(_credit, drain: false, autoRestore: false);
            }
        }
    }

    /// <summary>Sends when there is credit left; false when there is none or the link has gone.</summary>
    public bool TrySend(Message message)
    {
        lock (_lock)
        {
            if (_credit == 0 || link.IsClosed)
            {
                return false;
            }

            try
            {
                link.SendMessage(message);
                _credit--;
                return true;
            }
            catch (AmqpException)
            {
                return false;
            }
        }
    }

    /// <summary>There is nothing to send now: a peer that drains gets its answer.</summary>
    public void EndDrain()
    {
        lock (_lock)
        {
            if (_draining && !link.IsClosed)
            {
                _draining = false;
                _credit = 0;
                link.SetCredit(0, drain: true, autoRestore: false);
            }
        }
    }
}
