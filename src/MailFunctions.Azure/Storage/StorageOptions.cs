using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace MailFunctions.Azure.Storage;

/// <summary>Where mail is kept: the key `MailStorage`.</summary>
public sealed record StorageOptions
{
    public const string Key = "MailStorage";

    /// <summary>A connection string: for Azurite.</summary>
    public string? ConnectionString { get; private init; }

    public Uri? BlobServiceUri { get; private init; }

    public Uri? TableServiceUri { get; private init; }

    /// <summary>Octets of messages on their way up that may be in memory at once.</summary>
    public long UploadBudget { get; init; } = 64 * 1024 * 1024;

    /// <summary>Longest wait of a message for room among them.</summary>
    public TimeSpan UploadWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Octets of messages read ahead that may be in memory at once.</summary>
    public long ReadAheadBudget { get; init; } = 32 * 1024 * 1024;

    /// <summary>Longest wait for one answer; there are three tries.</summary>
    public TimeSpan NetworkTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Reads `MailStorage`, or `MailStorage__blobServiceUri` and `MailStorage__tableServiceUri`.</summary>
    /// <exception cref="ValidationException">Says which key is missing or wrong.</exception>
    public static StorageOptions Read(IConfiguration configuration)
    {
        if (configuration[Key] is { Length: > 0 } connectionString)
        {
            return new StorageOptions { ConnectionString = connectionString };
        }

        return new StorageOptions
        {
            BlobServiceUri = ReadUri(configuration, "blobServiceUri"),
            TableServiceUri = ReadUri(configuration, "tableServiceUri"),
        };
    }

    private static Uri ReadUri(IConfiguration configuration, string name) => configuration[$"{Key}:{name}"] switch
    {
        null or "" => throw new ValidationException(
            $"{Key}__{name} is missing: set {Key} to a connection string, or {Key}__blobServiceUri and {Key}__tableServiceUri."),
        var text when Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps => uri,
        var text => throw new ValidationException($"{Key}__{name}: '{text}' is not an https address."),
    };
}
