using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Messages;

/// <summary>The container `messages`.</summary>
internal sealed class MessageBlobs(BlobServiceClient service, ByteBudget budget) : IMessageStore
{
    public const string ContainerName = "messages";

    private readonly BlobContainerClient _container = service.GetBlobContainerClient(ContainerName);

    public IMessageUpload BeginUpload(string blob, MessageRoom? room = null) => room is null
        ? new BlobUpload(_container.GetBlockBlobClient(blob), budget, UploadSize.Large)
        : new BlobUpload(_container.GetBlockBlobClient(blob), room, UploadSize.Small);

    public Task<Stream?> OpenReadAsync(string blob, long offset, CancellationToken cancellationToken) => StorageGuard.RunAsync<Stream?>(
        "The message could not be read",
        async () =>
        {
            try
            {
                var answer = await _container.GetBlobClient(blob).DownloadStreamingAsync(
                    new BlobDownloadOptions { Range = offset == 0 ? default : new HttpRange(offset) },
                    cancellationToken);
                return new BlobStream(answer.Value.Content);
            }
            catch (RequestFailedException e) when (IsGoneForGood(e))
            {
                return null;
            }
            catch (RequestFailedException e) when (e.Status == 416)
            {
                return Stream.Null; // the offset is the end
            }
        },
        cancellationToken);

    public Task<bool> DeleteAsync(string blob, CancellationToken cancellationToken) => StorageGuard.RunAsync<bool>(
        "The message could not be deleted",
        async () =>
        {
            return await _container.GetBlobClient(blob)
                .DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancellationToken);
        },
        cancellationToken);

    /// <summary>No later try reads it: it is not there, was moved to the archive tier, or is under a key that is not ours.</summary>
    private static bool IsGoneForGood(RequestFailedException e) =>
        e.ErrorCode == BlobErrorCode.BlobNotFound
        || e.ErrorCode == BlobErrorCode.BlobArchived
        || e.ErrorCode == BlobErrorCode.BlobUsesCustomerSpecifiedEncryption;
}
