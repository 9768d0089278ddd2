using Amqp;
using Amqp.Framing;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Waits until the peer has answered an attach: AMQP.Net Lite's constructors return before.</summary>
internal sealed class LinkOpening
{
    private readonly TaskCompletionSource<Attach> _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void OnAttached(ILink link, Attach attach)
    {
        // A refusal is an attach without terminus, with the reason in the detach that follows.
        if ((link is SenderLink ? attach.Target : attach.Source) is not null)
        {
            _attached.TrySetResult(attach);
        }
    }

    /// <summary>Returns the peer's attach.</summary>
    /// <exception cref="BusUnavailableException">Refused, lost, or not answered in time.</exception>
    public async Task<Attach> WaitAsync(Link link, string address, TimeSpan timeout, CancellationToken cancellationToken)
    {
        link.AddClosedCallback((_, error) => _attached.TrySetException(
            new BusUnavailableException($"The bus refused '{address}': {error?.Description ?? error?.Condition ?? "the connection was lost"}")));
        try
        {
            return await _attached.Task.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new BusUnavailableException($"The bus did not answer for '{address}' within {timeout.TotalSeconds} s.");
        }
    }
}
