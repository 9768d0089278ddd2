using Azure;
using Azure.Identity;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Storage;

/// <summary>Which exceptions of the storage SDK mean that the store is in trouble.</summary>
internal static class StorageFault
{
    /// <summary>An answer that is no success, no answer at all (also after the SDK's own retries), or its time limit.</summary>
    public static bool IsTrouble(Exception e, CancellationToken asked) => e switch
    {
        RequestFailedException => true,
        AggregateException => true, // the SDK's, when all retries failed
        AuthenticationFailedException => true, // no token to be had: the identity endpoint is in trouble, or the role is missing
        OperationCanceledException => !asked.IsCancellationRequested,
        IOException and not StoreUnavailableException => true,
        _ => false,
    };

    /// <summary>Status and error code only: messages of the SDK repeat headers.</summary>
    public static StoreUnavailableException Wrap(string what, Exception e, string who = "the storage")
    {
        var why = e switch
        {
            RequestFailedException { Status: > 0 } r => $"{who} answered {r.Status} {r.ErrorCode}",
            AuthenticationFailedException => $"no token for {who} could be had",
            OperationCanceledException => $"{who} did not answer in time",
            _ => $"{who} can't be reached ({e.GetType().Name})",
        };
        return new StoreUnavailableException($"{what}: {why}.", e);
    }
}
