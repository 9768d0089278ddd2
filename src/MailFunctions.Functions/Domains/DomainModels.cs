using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Functions.Domains;

/// <summary>`PUT` and `PATCH /api/domains/{domain}`: what is left out of a PATCH stays as it is.</summary>
internal sealed record DomainRequest
{
    /// <summary>Takes mail; left out of a PUT: it does.</summary>
    public bool? Enabled { get; init; }

    /// <summary>Who gets mail for `postmaster@` and `abuse@` of the domain when no such account or alias is made.</summary>
    public string? Postmaster { get; init; }
}

/// <summary>A domain, in both forms of its name; asked for alone, with its selectors and what to publish.</summary>
internal sealed record DomainAnswer(
    string Name,
    string DisplayName,
    bool Enabled,
    DateTimeOffset CreatedAt,
    string? Postmaster = null,
    IReadOnlyList<SelectorAnswer>? Dkim = null,
    IReadOnlyList<DnsRecord>? DnsRecords = null)
{
    public static DomainAnswer From(MailDomain domain) =>
        new(domain.Name, DomainName.ToUnicode(domain.Name), domain.Enabled, domain.CreatedAt, domain.Postmaster?.ToString());

    /// <param name="host">The name that MX records have to point to.</param>
    public static DomainAnswer Whole(MailDomain domain, string host) => From(domain) with
    {
        Dkim = [.. domain.DkimKeys.Select(SelectorAnswer.From)],
        DnsRecords = DomainRecords.Of(domain, host),
    };
}

/// <summary>A DKIM selector of a domain.</summary>
/// <param name="State">`published`, `active` or `retiring`.</param>
/// <param name="RemoveAt">When a retiring one goes.</param>
internal sealed record SelectorAnswer(string Selector, string Algorithm, string State, DateTimeOffset CreatedAt, DateTimeOffset? RemoveAt)
{
    public static SelectorAnswer From(DkimKey key) => new(key.Selector, key.Algorithm, key.State, key.CreatedAt, key.RemoveAt);
}

/// <summary>A record that the postmaster has to publish.</summary>
/// <param name="Result">With `?check=true`: `ok`, `missing`, `differs`, or `unknown` where DNS gave no answer.</param>
/// <param name="Found">With `?check=true`: what DNS says of the kind.</param>
internal sealed record DnsRecord(
    string Name, string Type, string Value, string Purpose, string? Result = null, IReadOnlyList<string>? Found = null);
