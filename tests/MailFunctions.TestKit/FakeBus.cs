using MailFunctions.Core.Bus;

namespace MailFunctions.TestKit;

/// <summary>A bus that takes every message, where a test does not say what else becomes of it.</summary>
public class FakeBus : IBusSender
{
    public Task OpenAsync(string queue, CancellationToken cancellationToken) => Task.CompletedTask;

    public virtual Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken)
    {
        foreach (var message in messages)
        {
            await SendAsync(queue, message, cancellationToken);
        }
    }
}
