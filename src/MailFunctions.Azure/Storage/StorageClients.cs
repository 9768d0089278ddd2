using System.ComponentModel.DataAnnotations;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Storage.Blobs;

namespace MailFunctions.Azure.Storage;

/// <summary>Makes the SDK's clients, with the bounds of callers that wait.</summary>
internal static class StorageClients
{
    public static BlobServiceClient CreateBlobs(StorageOptions options, StorageOutcomes? outcomes = null)
    {
        var client = Bound(new BlobClientOptions(), options);
        if (outcomes is not null)
        {
            client.AddPolicy(outcomes.For("blobs"), HttpPipelinePosition.PerCall);
        }

        return options.ConnectionString is { } connection
            ? Parsed(() => new BlobServiceClient(connection, client))
            : new BlobServiceClient(options.BlobServiceUri, new DefaultAzureCredential(), client);
    }

    public static TableServiceClient CreateTables(StorageOptions options, StorageOutcomes? outcomes = null)
    {
        var client = Bound(new TableClientOptions(), options);
        if (outcomes is not null)
        {
            client.AddPolicy(outcomes.For("tables"), HttpPipelinePosition.PerCall);
        }

        return options.ConnectionString is { } connection
            ? Parsed(() => new TableServiceClient(connection, client))
            : new TableServiceClient(options.TableServiceUri, new DefaultAzureCredential(), client);
    }

    /// <summary>Bounds how long a call waits for a service that does not answer, and keeps its traffic out of the logs.</summary>
    public static T Bound<T>(T client, StorageOptions options)
        where T : ClientOptions
    {
        client.Retry.Mode = RetryMode.Exponential;
        client.Retry.MaxRetries = 2;
        client.Retry.Delay = TimeSpan.FromMilliseconds(200);
        client.Retry.MaxDelay = TimeSpan.FromSeconds(2);
        client.Retry.NetworkTimeout = options.NetworkTimeout;
        client.Diagnostics.IsLoggingEnabled = false;
        client.Diagnostics.IsLoggingContentEnabled = false;
        client.Diagnostics.IsDistributedTracingEnabled = false;
        return client;
    }

    private static T Parsed<T>(Func<T> create)
    {
        try
        {
            return create();
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            throw new ValidationException($"{StorageOptions.Key}: this is not a storage connection string.");
        }
    }
}
