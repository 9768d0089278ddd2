using MailFunctions.Core.Directory;

namespace MailFunctions.Functions.Accounts;

/// <summary>`PUT` and `PATCH /api/accounts/{address}`: what is left out of a PATCH stays as it is.</summary>
internal record AccountRequest
{
    /// <summary>12 to 256 characters. Needed for a new account.</summary>
    public string? Password { get; init; }

    public string? DisplayName { get; init; }

    /// <summary>Octets; 0: no limit.</summary>
    public long? QuotaBytes { get; init; }

    public bool? Enabled { get; init; }

    public IReadOnlyList<string>? ForwardTo { get; init; }

    /// <summary>Forwarded mail also stays here.</summary>
    public bool? KeepCopy { get; init; }

    /// <summary>Addresses that it may send as besides its own and its aliases'; `*@domain` for all of a domain.</summary>
    public IReadOnlyList<string>? SendAs { get; init; }

    /// <summary>Days after which a message that a client fetched goes; 0: it stays until it is deleted.</summary>
    public int? ExpireAfterDays { get; init; }
}

/// <summary>An account, without anything that logs in.</summary>
internal sealed record AccountAnswer(
    string Address,
    string? DisplayName,
    bool Enabled,
    long? QuotaBytes,
    IReadOnlyList<string> ForwardTo,
    bool KeepCopy,
    DateTimeOffset CreatedAt,
    int AppPasswords,
    MailboxAnswer? Mailbox = null,
    int? ExpireAfterDays = null,
    IReadOnlyList<string>? SendAs = null)
{
    public static AccountAnswer From(AccountEntry account) => new(
        account.Address.ToCanonicalString(),
        account.DisplayName,
        account.Enabled,
        account.QuotaBytes,
        [.. account.ForwardTo.Select(a => a.ToString())],
        account.KeepCopy,
        account.CreatedAt,
        account.AppPasswords.Count,
        ExpireAfterDays: account.ExpireAfterDays,
        SendAs: [.. account.SendAs.Select(a => a.ToString())]);
}

/// <summary>How full the mailbox is.</summary>
internal sealed record MailboxAnswer(long Messages, long Bytes);

/// <summary>`PUT /api/accounts/{address}/password`.</summary>
internal sealed record PasswordRequest(string Password);

/// <summary>`POST /api/accounts/{address}/app-passwords`.</summary>
internal sealed record AppPasswordRequest(string Label);

/// <summary>An app password; the password itself is shown once, when it is made.</summary>
/// <param name="LastUsedAt">To a minute or so; missing when it never was.</param>
internal sealed record AppPasswordAnswer(
    string Id, string Label, DateTimeOffset CreatedAt, string? Password = null, DateTimeOffset? LastUsedAt = null);
