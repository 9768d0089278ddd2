using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Edge.Tests.Fakes;

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
