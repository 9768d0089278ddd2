using MailFunctions.Core.Bus;

namespace MailFunctions.Benchmarks;

/// <summary>A bus on which nothing arrives: what is measured ends before it.</summary>
internal sealed class NoBus : IBusSender
{
    public Task OpenAsync(string queue, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken) => Task.CompletedTask;
}
