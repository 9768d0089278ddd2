using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Dkim;

namespace MailFunctions.Functions.Domains;

/// <summary>The domains that mail is taken for.</summary>
internal static class DomainRoutes
{
    private const string HostNameKey = "MailHostName";

    /// <summary>The setting with the address that new domains get as their postmaster.</summary>
    public const string PostmasterKey = "MailPostmaster";

    public static void MapDomains(this IEndpointRouteBuilder routes)
    {
        var domains = routes.MapGroup("/api/domains").WithTags("Domains");
        domains.MapGet("", ListAsync).Produces<ListAnswer<DomainAnswer>>().WithSummary("Lists the domains");
        domains.MapGet("/{domain}", GetAsync).Produces<DomainAnswer>().ProducesProblem(404).ProducesValidationProblem()
            .WithSummary("Shows a domain and the DNS records to publish; with ?check=true also what DNS says now");
        domains.MapPut("/{domain}", PutAsync).Accepts<DomainRequest>("application/json")
            .Produces<DomainAnswer>().Produces<DomainAnswer>(201).ProducesValidationProblem().ProducesProblem(412)
            .WithSummary("Makes a domain, or replaces its settings");
        domains.MapPatch("/{domain}", PatchAsync).Accepts<DomainRequest>("application/json")
            .Produces<DomainAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(412)
            .WithSummary("Changes some settings of a domain");
        domains.MapDelete("/{domain}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Removes a domain that has neither accounts nor aliases");
        domains.MapDomainKeys();
    }

    private static async Task<IResult> ListAsync(HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        var page = await store.ListDomainsAsync(top, continuation, cancellationToken);
        return TypedResults.Ok(new ListAnswer<DomainAnswer>([.. page.Items.Select(DomainAnswer.From)], Continuations.Write(request, page.Continuation)));
    }

    private static async Task<IResult> GetAsync(
        string domain, HttpRequest request, IDirectoryStore store, DnsCheck dns, IConfiguration configuration, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadFlag(request, "check", out var check) is { } malformed)
        {
            return malformed;
        }

        var (found, fault) = await FindAsync(domain, store, cancellationToken);
        if (found is null)
        {
            return fault!;
        }

        var answer = DomainAnswer.Whole(found, HostName(configuration, found.Name));
        request.HttpContext.Response.Headers.ETag = found.ETag;
        return TypedResults.Ok(check ? answer with { DnsRecords = await dns.CheckAsync(answer.DnsRecords!, cancellationToken) } : answer);
    }

    private static async Task<IResult> PutAsync(
        string domain, HttpRequest request, IDirectoryStore store, DkimKeyring keyring, IConfiguration configuration, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!DomainName.TryNormalize(domain, out var name) || !name.Contains('.', StringComparison.Ordinal))
        {
            return Malformed();
        }

        var (asked, fault) = await ApiRequests.ReadJsonAsync<DomainRequest>(request);
        if (asked is null)
        {
            return fault!;
        }

        var existing = await store.FindDomainAsync(name, cancellationToken);
        if (!Preconditions.Hold(request, existing?.ETag))
        {
            return Preconditions.Failed($"The domain '{name}'");
        }

        // What the domain says itself comes before what the app was set up with.
        var postmaster = EmailAddress.Parse(asked.Postmaster ?? configuration[PostmasterKey]);
        if (!IsPostmaster(asked.Postmaster, name))
        {
            return MalformedPostmaster();
        }

        IReadOnlyList<DkimKey> made = existing is { DkimKeys.Count: > 0 } ? [] : await keyring.MakeAsync([], DkimState.Active, cancellationToken);
        var domainNow = new MailDomain
        {
            Name = name,
            Postmaster = postmaster,
            Enabled = asked.Enabled ?? true,
            CreatedAt = existing?.CreatedAt ?? time.GetUtcNow(),
            DkimKeys = made.Count > 0 ? made : existing?.DkimKeys ?? [],
            ETag = existing?.ETag ?? "",
        };
        var written = await store.PutDomainAsync(domainNow, cancellationToken);
        Preconditions.SetETag(request.HttpContext.Response, written);
        switch (written.Result)
        {
            case WriteResult.Created:
                return TypedResults.Created($"/api/domains/{name}", DomainAnswer.From(domainNow));
            case WriteResult.Replaced:
                return TypedResults.Ok(DomainAnswer.From(domainNow));
            default:
                await keyring.DropAsync(made);
                return Preconditions.Failed($"The domain '{name}'");
        }
    }

    private static async Task<IResult> PatchAsync(
        string domain, HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var (asked, malformed) = await ApiRequests.ReadJsonAsync<DomainRequest>(request);
        if (asked is null)
        {
            return malformed!;
        }

        var (existing, fault) = await FindAsync(domain, store, cancellationToken, request);
        if (existing is null)
        {
            return fault!;
        }

        if (!IsPostmaster(asked.Postmaster, existing.Name))
        {
            return MalformedPostmaster();
        }

        var changed = existing with
        {
            Enabled = asked.Enabled ?? existing.Enabled,
            Postmaster = asked.Postmaster is null ? existing.Postmaster : EmailAddress.Parse(asked.Postmaster),
        };
        var written = await store.PutDomainAsync(changed, cancellationToken);
        Preconditions.SetETag(request.HttpContext.Response, written);
        return written.Result == WriteResult.Replaced
            ? TypedResults.Ok(DomainAnswer.From(changed))
            : Preconditions.Failed($"The domain '{existing.Name}'");
    }

    /// <summary>Empty text takes the postmaster away.</summary>
    private static bool IsPostmaster(string? asked, string domain) =>
        string.IsNullOrEmpty(asked) || (EmailAddress.Parse(asked) is { } address && !(address.Domain == domain && MailDomain.IsRole(address)));

    private static IResult MalformedPostmaster() =>
        ApiProblems.Invalid("postmaster", "Use an address, and another one than postmaster@ or abuse@ of this domain.");

    private static async Task<IResult> DeleteAsync(
        string domain, HttpRequest request, IDirectoryStore store, DkimKeyring keyring, CancellationToken cancellationToken)
    {
        var (existing, fault) = await FindAsync(domain, store, cancellationToken, request);
        if (existing is null)
        {
            return fault!;
        }

        var name = existing.Name;
        if ((await store.ListEntriesAsync<AccountEntry>(name, 1, null, cancellationToken)).Items.Count > 0
            || (await store.ListEntriesAsync<AliasEntry>(name, 1, null, cancellationToken)).Items.Count > 0)
        {
            return ApiProblems.Conflict($"The domain '{name}' has accounts or aliases: delete them first.");
        }

        if (await store.DeleteDomainAsync(name, existing.ETag, cancellationToken) == WriteResult.Conflict)
        {
            return Preconditions.Failed($"The domain '{name}'");
        }

        await keyring.DropAsync(existing.DkimKeys);
        return TypedResults.NoContent();
    }

    /// <summary>The domain of the path, or the answer that there is none; with a request, also its `If-Match` is checked.</summary>
    public static async Task<(MailDomain? Domain, IResult? Fault)> FindAsync(
        string domain, IDirectoryStore store, CancellationToken cancellationToken, HttpRequest? request = null)
    {
        if (!DomainName.TryNormalize(domain, out var name))
        {
            return (null, Malformed());
        }

        if (await store.FindDomainAsync(name, cancellationToken) is not { } found)
        {
            return (null, ApiProblems.NotFound($"There is no domain '{name}'."));
        }

        return request is not null && !Preconditions.Hold(request, found.ETag)
            ? (null, Preconditions.Failed($"The domain '{name}'"))
            : (found, null);
    }

    /// <summary>The name that MX records are told to point to.</summary>
    public static string HostName(IConfiguration configuration, string domain) => configuration[HostNameKey] ?? "mail." + domain;

    private static IResult Malformed() => ApiProblems.Invalid("domain", "This is not a domain name of at least two labels.");
}
