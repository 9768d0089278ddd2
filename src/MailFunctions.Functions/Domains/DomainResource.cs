using System.ComponentModel.DataAnnotations;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Domains;

/// <summary>`/api/domains/{domain}`, with what the app's settings say of domains.</summary>
internal sealed class DomainResource(
    IDirectoryStore store, IConfiguration configuration) : NamedResource<string, MailDomain>("domain", DomainRoutes.Group)
{
    private const string HostNameKey = "MailHostName";
    private const string PostmasterKey = "MailPostmaster";

    /// <summary>The address that a new domain gets as its postmaster when its request names none.</summary>
    public string? DefaultPostmaster => configuration[PostmasterKey];

    /// <summary>The name that MX records have to point to.</summary>
    public string HostNameOf(MailDomain domain) => configuration[HostNameKey] ?? "mail." + domain.Name;

    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static void Validate(IConfiguration configuration)
    {
        if (configuration[PostmasterKey] is { Length: > 0 } postmaster && EmailAddress.Parse(postmaster) is null)
        {
            throw new ValidationException($"{PostmasterKey}: '{postmaster}' is no address of the form local-part@domain.");
        }
    }

    public override IResult MalformedName() => ApiProblems.Invalid("domain", "This is not a domain name of at least two labels.");

    protected override string? ReadName(string text) => DomainName.TryNormalize(text, out var name) ? name : null;

    protected override bool MayPut(string name) => name.Contains('.', StringComparison.Ordinal);

    protected override string Text(string name) => name;

    protected override string NameOf(MailDomain thing) => thing.Name;

    protected override string ETagOf(MailDomain thing) => thing.ETag;

    protected override ValueTask<MailDomain?> ReadAsync(string name, CancellationToken cancellationToken) =>
        store.FindDomainAsync(name, cancellationToken);

    protected override Task<Written> PutAsync(MailDomain thing, CancellationToken cancellationToken) =>
        store.PutDomainAsync(thing, cancellationToken);
}
