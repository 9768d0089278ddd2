using Azure;
using Azure.Identity;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Storage;

/// <summary>Which exceptions of the storage SDK mean that the service failed.</summary>
internal static class StorageFault
{
    public const string Storage = "the storage";
    public const string Vault = "the vault";

    /// <summary>An error response, no response at all (after the SDK's own retries), or its time limit.</summary>
    public static bool Is(Exception e, CancellationToken asked) => e switch
    {
        RequestFailedException => true,
        AggregateException => true, // the SDK's, when all retries failed
        AuthenticationFailedException => true, // no token: the identity endpoint failed, or the role is missing
        OperationCanceledException => !asked.IsCancellationRequested,
        IOException and not (StoreUnavailableException or BusUnavailableException) => true,
        _ => false,
    };

    /// <summary>Status and error code only: messages of the SDK repeat headers.</summary>
    public static StoreUnavailableException Wrap(string failure, Exception e, string service = Storage)
    {
        var why = e switch
        {
            RequestFailedException { Status: > 0 } r => $"{service} answered {r.Status} {r.ErrorCode}",
            AuthenticationFailedException => $"no token for {service} could be had",
            OperationCanceledException => $"{service} did not answer in time",
            _ => $"{service} can't be reached ({e.GetType().Name})",
        };
        return new StoreUnavailableException($"{failure}: {why}.", e);
    }
}
