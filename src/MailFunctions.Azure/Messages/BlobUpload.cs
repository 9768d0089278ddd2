using System.Globalization;
using System.Text;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Messages;

/// <summary>
/// A message being uploaded: small ones in one PUT at the commit, larger ones in blocks that are staged while the rest
/// still comes in.
/// </summary>
internal sealed class BlobUpload(BlockBlobClient blob, IOctetBudget budget, UploadSize size) : IMessageUpload
{
    /// <summary>
    /// One upload holds no more than this part of what is free: however many clients stop in the middle of a message,
    /// the others find room.
    /// </summary>
    private const int ShareOfFree = 16;

    private const string TokenKey = "upload";

    private static readonly BlobRequestConditions OnlyNew = new() { IfNoneMatch = ETag.All };

    private readonly string _token = Guid.NewGuid().ToString("N");
    private SegmentBuffer _held = new(budget);
    private List<string>? _blockIds;
    private Queue<Task>? _staging;

    public long Length { get; private set; }

    private long MayHold => Math.Clamp(budget.Free / ShareOfFree, SegmentBuffer.SegmentOctets, size.BlockOctets);

    public ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        var taken = _held.Length > MayHold ? 0 : _held.Append(octets.Span);
        Length += taken;
        return taken == octets.Length ? ValueTask.CompletedTask : WriteRestAsync(octets[taken..], cancellationToken);
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken) => await StorageGuard.RunAsync(
        "The message could not be stored",
        async () =>
        {
            try
            {
                if (_blockIds is null)
                {
                    await blob.UploadAsync(
                        _held.AsStream(),
                        new BlobUploadOptions { Conditions = OnlyNew, Metadata = Metadata() },
                        cancellationToken);
                    return;
                }

                if (_held.Length > 0)
                {
                    await StageHeldAsync(cancellationToken);
                }

                await WaitForStagingAsync(0);
                await blob.CommitBlockListAsync(
                    _blockIds,
                    new CommitBlockListOptions { Conditions = OnlyNew, Metadata = Metadata() },
                    cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status is 409 or 412)
            {
                await EnsureOursAsync(e, cancellationToken);
            }
        },
        cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_staging is not null)
        {
            try
            {
                await Task.WhenAll(_staging);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // Thrown to the caller where it mattered; uncommitted blocks are dropped by the service after a week.
            }
        }

        _held.Dispose();
    }

    private async ValueTask WriteRestAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        while (!octets.IsEmpty)
        {
            if (_held.Length >= MayHold)
            {
                await StageHeldAsync(cancellationToken);
            }

            if (!_held.TryGrow())
            {
                // An upload that waits for room must not hold idle octets, or all would wait for each other.
                if (_held.Length > 0)
                {
                    await StageHeldAsync(cancellationToken);
                }

                await WaitForRoomAsync(cancellationToken);
            }

            var taken = _held.Append(octets.Span);
            Length += taken;
            octets = octets[taken..];
        }
    }

    private async ValueTask WaitForRoomAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _held.GrowAsync(cancellationToken);
        }
        catch (TimeoutException e)
        {
            throw new NoRoomException("Other messages take all the room there is.", e);
        }
    }

    private async ValueTask StageHeldAsync(CancellationToken cancellationToken)
    {
        _blockIds ??= [];
        _staging ??= new Queue<Task>(size.BlocksInFlight);
        await WaitForStagingAsync(size.BlocksInFlight - 1);
        // The token keeps the blocks of another upload under the same name apart from ours.
        var id = Convert.ToBase64String(
            Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{_token}{_blockIds.Count:D6}")));
        _blockIds.Add(id);
        var full = _held;
        _held = new SegmentBuffer(budget);
        _staging.Enqueue(StageAsync(id, full, cancellationToken));
    }

    private async Task StageAsync(string id, SegmentBuffer content, CancellationToken cancellationToken)
    {
        try
        {
            await StorageGuard.RunAsync(
                "A part of the message could not be stored",
                () => blob.StageBlockAsync(id, content.AsStream(), cancellationToken: cancellationToken),
                cancellationToken);
        }
        finally
        {
            content.Dispose();
        }
    }

    private async ValueTask WaitForStagingAsync(int mayRemain)
    {
        while (_staging!.Count > mayRemain)
        {
            await _staging.Peek();
            _ = _staging.Dequeue();
        }
    }

    private Dictionary<string, string> Metadata() => new() { [TokenKey] = _token };

    /// <summary>The name is taken: by this very upload, whose answer was lost and which was tried again, or by another one.</summary>
    private async ValueTask EnsureOursAsync(RequestFailedException conflict, CancellationToken cancellationToken)
    {
        var properties = await StorageGuard.RunAsync(
            "The message could not be stored", () => blob.GetPropertiesAsync(cancellationToken: cancellationToken), cancellationToken);
        if (!properties.Value.Metadata.TryGetValue(TokenKey, out var token) || token != _token)
        {
            throw new StoreUnavailableException($"The blob '{blob.Name}' was there already.", conflict);
        }
    }
}
