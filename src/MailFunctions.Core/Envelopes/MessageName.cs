using System.Globalization;

namespace MailFunctions.Core.Envelopes;

/// <summary>Names of messages: a UUIDv7, and from it the blob (design §3.2).</summary>
public static class MessageName
{
    /// <summary>A new message id, ordered by time.</summary>
    public static string NewId(DateTimeOffset now) => Guid.CreateVersion7(now).ToString("D");

    /// <summary>`yyyy/MM/dd/{id}.eml`, by UTC.</summary>
    public static string BlobFor(string id, DateTimeOffset receivedAt) =>
        string.Create(CultureInfo.InvariantCulture, $"{receivedAt.UtcDateTime:yyyy'/'MM'/'dd}/{id}.eml");
}
