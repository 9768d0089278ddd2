using MailFunctions.Core.Bus;

namespace MailFunctions.Edge.Health;

/// <summary>The bus as the intake uses it; how each send ends is known to <see cref="Backends"/>.</summary>
internal sealed class ReportingBus(IBusSender bus, Backends backends) : IBusSender
{
    private const string Sending = "sending to the bus";

    public Task OpenAsync(string queue, CancellationToken cancellationToken) => bus.OpenAsync(queue, cancellationToken);

    public Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) =>
        ReportAsync(() => bus.SendAsync(queue, message, cancellationToken));

    public Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken) =>
        ReportAsync(() => bus.SendBatchAsync(queue, messages, cancellationToken));

    private async Task ReportAsync(Func<Task> send)
    {
        try
        {
            await send();
            backends.Ended(Sending, null);
        }
        catch (BusUnavailableException e)
        {
            backends.Ended(Sending, e.Message);
            throw;
        }
    }
}
