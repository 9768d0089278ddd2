using MailFunctions.Core.Addresses;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Core.Directory;

/// <summary>A domain that this system takes mail for: a row of `domains`.</summary>
public sealed record MailDomain
{
    /// <summary>Canonical A-label form.</summary>
    public required string Name { get; init; }
    public bool Enabled { get; init; } = true;

    /// <summary>Who gets mail for `postmaster@` and `abuse@` when the domain has no such entry; null: no one.</summary>
    public EmailAddress? Postmaster { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Its DKIM selectors; none in a domain that never signed.</summary>
    public IReadOnlyList<DkimKey> DkimKeys { get; init; } = [];

    /// <summary>The storage's version tag; empty for a new one.</summary>
    public string ETag { get; init; } = "";

    /// <summary>`postmaster` or `abuse`, with a tag or without.</summary>
    public static bool IsRole(EmailAddress address) => address.Key.Split('+')[0] is "postmaster" or "abuse";
}
