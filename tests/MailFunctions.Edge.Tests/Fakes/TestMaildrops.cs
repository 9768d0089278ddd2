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
}

/// <summary>Maildrops without a message.</summary>
internal sealed class TestMaildrops : IMaildrops
{
    public ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken) =>
        ValueTask.FromResult<MaildropOpening>(new MaildropOpening.Opened(new Empty()));

    private sealed class Empty : IMaildrop
    {
        public long Count => 0;

        public long Bytes => 0;

        public string UniqueIdPrefix => "u1";

        public bool IsLocked => true;

        public async IAsyncEnumerable<IReadOnlyList<MaildropMessage>> ListAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            yield break;
        }

        public ValueTask<IMaildropContent?> OpenMessageAsync(uint uid, LikelyNext next, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IMaildropContent?>(null);

        public void MarkFetched(uint uid)
        {
            // There is none.
        }

        public ValueTask<int> DeleteAsync(IReadOnlyList<uint> uids, CancellationToken cancellationToken) => ValueTask.FromResult(0);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
