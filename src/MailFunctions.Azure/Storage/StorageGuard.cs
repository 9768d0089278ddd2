using System.Runtime.CompilerServices;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Storage;

/// <summary>The one place where a fault of the storage SDK becomes the <see cref="StoreUnavailableException"/> of the ports.</summary>
internal static class StorageGuard
{
    /// <param name="failure">What could not be done, as the beginning of a sentence: `The mailbox could not be read`.</param>
    /// <param name="call">The calls of the SDK; what it catches itself is not a fault.</param>
    /// <param name="cancellationToken">The caller's: what it cancels is not a fault either.</param>
    /// <param name="service">What was called.</param>
    /// <exception cref="StoreUnavailableException">The service failed, or did not answer.</exception>
    public static async Task<T> RunAsync<T>(
        string failure, Func<Task<T>> call, CancellationToken cancellationToken, string service = StorageFault.Storage)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (StorageFault.Is(e, cancellationToken))
        {
            throw StorageFault.Wrap(failure, e, service);
        }
    }

    /// <inheritdoc cref="RunAsync{T}"/>
    public static Task RunAsync(
        string failure, Func<Task> call, CancellationToken cancellationToken, string service = StorageFault.Storage) =>
        RunAsync(
            failure,
            async () =>
            {
                await call();
                return true;
            },
            cancellationToken,
            service);

    /// <summary>The same for rows, or pages, that come one after the other.</summary>
    /// <inheritdoc cref="RunAsync{T}"/>
    public static async IAsyncEnumerable<T> Guarded<T>(
        this IAsyncEnumerable<T> rows, string failure, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var each = rows.GetAsyncEnumerator(cancellationToken);
        await using (each)
        {
            while (await RunAsync(failure, () => each.MoveNextAsync().AsTask(), cancellationToken))
            {
                yield return each.Current;
            }
        }
    }
}
