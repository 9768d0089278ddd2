namespace MailFunctions.Local.Bus.Store;

/// <summary>The rules of a queue, as the Bicep files set them in Azure (design §3.1).</summary>
internal sealed record QueueSettings
{
    public const string DeadLetterSuffix = "/$deadletterqueue";

    /// <summary>
    /// How long a receiver owns a message before it is given to another. Receivers renew while they work, so this is only how
    /// long mail stays hidden that a crashed one held.
    /// </summary>
    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Deliveries before a message is dead-lettered.</summary>
    public int MaxDeliveryCount { get; init; } = 10;

    /// <summary>A message id is known for so long after its first send.</summary>
    public TimeSpan DuplicateWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Octets of an encoded message, or of a batch (Standard tier).</summary>
    public int MaxMessageOctets { get; init; } = 256 * 1024;

    /// <summary>Dead letters are never dead-lettered again.</summary>
    public static bool IsDeadLetter(string queue) => queue.EndsWith(DeadLetterSuffix, StringComparison.Ordinal);

    /// <summary>The form in which addresses are compared: no slashes at the ends, decoded, lower case.</summary>
    public static string Normalize(string? address) => Uri.UnescapeDataString(address ?? "").Trim('/').ToLowerInvariant();
}
