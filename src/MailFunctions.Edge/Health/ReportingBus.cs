using MailFunctions.Core.Bus;

namespace MailFunctions.Edge.Health;

/// <summary>The bus as the intake uses it; how each send ends is known to <see cref="Backends"/>.</summary>
internal sealed class ReportingBus(IBusSender bus, Backends backends) : IBusSender
{
    private const string Sending = "sending to the bus";

    public Task OpenAsync(string queue, CancellationToken cancellationToken) => bus.OpenAsync(queue, cancellationToken);

    public Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) =>
        ReportAsync(async () =>
        {
            await bus.SendAsync(queue, message, cancellationToken);
            return true;
        });

    public Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken) =>
        ReportAsync(async () =>
        {
            await bus.SendBatchAsync(queue, messages, cancellationToken);
            return true;
        });

    public Task<long> ScheduleAsync(string queue, BusMessage message, DateTimeOffset enqueueTime, CancellationToken cancellationToken) =>
        ReportAsync(() => bus.ScheduleAsync(queue, message, enqueueTime, cancellationToken));

    public Task<bool> CancelScheduledAsync(string queue, long sequenceNumber, CancellationToken cancellationToken) =>
        ReportAsync(() => bus.CancelScheduledAsync(queue, sequenceNumber, cancellationToken));

    private async Task<T> ReportAsync<T>(Func<Task<T>> send)
    {
        try
        {
            var result = await send();
            backends.Ended(Sending, null);
            return result;
        }
        catch (BusUnavailableException e)
        {
            backends.Ended(Sending, e.Message);
            throw;
        }
    }
}
