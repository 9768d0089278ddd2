using MailFunctions.Core.Accounts;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>A bus that is there and that nobody sends to.</summary>
internal sealed class TestBus : IBusSender
{
    public Task OpenAsync(string queue, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<long> ScheduleAsync(string queue, BusMessage message, DateTimeOffset enqueueTime, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> CancelScheduledAsync(string queue, long sequenceNumber, CancellationToken cancellationToken) => throw new NotSupportedException();
}

/// <summary>Maildrops that can't be opened now.</summary>
internal sealed class TestMaildrops : IMaildrops
{
    public ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken) =>
        ValueTask.FromResult<MaildropOpening>(new MaildropOpening.Unavailable());
}
