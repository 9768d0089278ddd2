using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Core.Directory;

/// <summary>A row of `directory`: an account or an alias. One point read answers RCPT.</summary>
public abstract record DirectoryEntry
{
    public required EmailAddress Address { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The storage's version tag; empty for a new one.</summary>
    public string ETag { get; init; } = "";
}

/// <summary>An account with a mailbox.</summary>
public sealed record AccountEntry : DirectoryEntry
{
    /// <summary>Made anew with every account, so that an account made again never sees the mail of the one before.</summary>
    public required string MailboxId { get; init; }
    public string? DisplayName { get; init; }
    public bool Enabled { get; init; } = true;

    /// <summary>Octets; null: no limit.</summary>
    public long? QuotaBytes { get; init; }
    public IReadOnlyList<EmailAddress> ForwardTo { get; init; } = [];

    /// <summary>Addresses that it may send as besides its own and its aliases'; with the local part `*`, all of a domain.</summary>
    public IReadOnlyList<EmailAddress> SendAs { get; init; } = [];

    /// <summary>Messages go this many days after a client fetched them (RFC 2449 §6.7); null: they stay until they are deleted.</summary>
    public int? ExpireAfterDays { get; init; }

    /// <summary>A forwarded message also stays in the mailbox.</summary>
    public bool KeepCopy { get; init; } = true;

    /// <summary>Null: no login by password.</summary>
    public ScramVerifier? Password { get; init; }
    public IReadOnlyList<AppPassword> AppPasswords { get; init; } = [];
}

/// <summary>Another name for one or several addresses. The local part `*` is the domain's catch-all.</summary>
public sealed record AliasEntry : DirectoryEntry
{
    public const string CatchAllLocalPart = "*";
    public required IReadOnlyList<EmailAddress> Targets { get; init; }
}

/// <summary>A generated password for one device.</summary>
public sealed record AppPassword(string Id, string Label, ScramVerifier Verifier, DateTimeOffset CreatedAt);
