namespace MailFunctions.Core.Dkim;

/// <summary>One selector of a domain (RFC 6376 §3.1): a public key, and by what name its private half is kept.</summary>
public sealed record DkimKey
{
    /// <summary>A single label.</summary>
    public required string Selector { get; init; }

    /// <summary>One of <see cref="DkimAlgorithm"/>.</summary>
    public required string Algorithm { get; init; }

    /// <summary>Base64, as the tag `p=` has it: SubjectPublicKeyInfo of RSA, the 32 octets of Ed25519 (RFC 8463 §4).</summary>
    public required string PublicKey { get; init; }

    /// <summary>Name of the private key in the <see cref="IDkimKeyStore"/>.</summary>
    public required string Secret { get; init; }

    /// <summary>One of <see cref="DkimState"/>.</summary>
    public required string State { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Of a retiring one: from then on it is neither published nor kept.</summary>
    public DateTimeOffset? RemoveAt { get; init; }

    /// <summary>The TXT record at `{selector}._domainkey.{domain}` (RFC 6376 §3.6.1).</summary>
    public string Record => $"v=DKIM1; k={Algorithm}; p={PublicKey}";
}

/// <summary>The words of <see cref="DkimKey.Algorithm"/>, as the tag `k=` has them.</summary>
public static class DkimAlgorithm
{
    public const string Rsa = "rsa";
    public const string Ed25519 = "ed25519";
}

/// <summary>The words of <see cref="DkimKey.State"/>.</summary>
public static class DkimState
{
    /// <summary>To be published; nothing is signed with it before the postmaster says that it is live.</summary>
    public const string Published = "published";

    /// <summary>What leaves is signed with it.</summary>
    public const string Active = "active";

    /// <summary>Nothing is signed with it any more; it stays published for mail that is under way.</summary>
    public const string Retiring = "retiring";
}
