using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Hosting;

namespace MailFunctions.Functions.Domains;

/// <summary>`PUT /api/domains/{domain}`.</summary>
internal sealed record DomainRequest
{
    /// <summary>Takes mail; left out: it does.</summary>
    public bool? Enabled { get; init; }

    /// <summary>Who gets mail for `postmaster@` and `abuse@` of the domain when no such account or alias is made.</summary>
    public string? Postmaster { get; init; }
}

/// <summary>A domain, in both forms of its name.</summary>
internal sealed record DomainAnswer(
    string Name, string DisplayName, bool Enabled, DateTimeOffset CreatedAt,
    string? Postmaster = null, IReadOnlyList<DnsRecord>? DnsRecords = null);

/// <summary>A record that the postmaster has to publish.</summary>
internal sealed record DnsRecord(string Name, string Type, string Value, string Purpose);

/// <summary>The domains that mail is taken for.</summary>
internal static class DomainsFunction
{
    private const string HostNameKey = "MailHostName";

    /// <summary>The setting with the address that new domains get as their postmaster.</summary>
    public const string PostmasterKey = "MailPostmaster";

    public static void MapDomains(this IEndpointRouteBuilder routes)
    {
        var domains = routes.MapGroup("/api/domains").WithTags("Domains");
        domains.MapGet("", ListAsync).Produces<ListAnswer<DomainAnswer>>().WithSummary("Lists the domains");
        domains.MapGet("/{domain}", GetAsync).Produces<DomainAnswer>().ProducesProblem(404).WithSummary("Shows a domain and the DNS records to publish");
        domains.MapPut("/{domain}", PutAsync).Accepts<DomainRequest>("application/json")
            .Produces<DomainAnswer>().Produces<DomainAnswer>(201).ProducesValidationProblem().ProducesProblem(412)
            .WithSummary("Makes a domain, or replaces its settings");
        domains.MapDelete("/{domain}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Removes a domain that has neither accounts nor aliases");
    }

    private static async Task<IResult> ListAsync(HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        var page = await store.ListDomainsAsync(top, continuation, cancellationToken);
        return TypedResults.Ok(new ListAnswer<DomainAnswer>([.. page.Items.Select(d => Answer(d))], page.Continuation));
    }

    private static async Task<IResult> GetAsync(
        string domain, HttpResponse response, IDirectoryStore store, IConfiguration configuration, CancellationToken cancellationToken)
    {
        if (!DomainName.TryNormalize(domain, out var name))
        {
            return Malformed();
        }

        if (await store.FindDomainAsync(name, cancellationToken) is not { } found)
        {
            return Missing(name);
        }

        response.Headers.ETag = found.ETag;
        return TypedResults.Ok(Answer(found) with { DnsRecords = Records(name, configuration[HostNameKey] ?? "mail." + name) });
    }

    private static async Task<IResult> PutAsync(
        string domain, HttpRequest request, IDirectoryStore store, IConfiguration configuration, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!DomainName.TryNormalize(domain, out var name) || !name.Contains('.', StringComparison.Ordinal))
        {
            return Malformed();
        }

        var (asked, fault) = await ApiRequests.ReadJsonAsync(request, AdminJson.Default.DomainRequest);
        if (asked is null)
        {
            return fault!;
        }

        var existing = await store.FindDomainAsync(name, cancellationToken);
        if (existing is null ? request.Headers.IfMatch.Count > 0 : ApiRequests.IsStale(request, existing.ETag))
        {
            return ApiProblems.PreconditionFailed($"The domain '{name}'");
        }

        // What the domain says itself comes before what the app was set up with.
        var text = asked.Postmaster ?? configuration[PostmasterKey];
        var postmaster = EmailAddress.Parse(text);
        if (asked.Postmaster is { Length: > 0 } && (postmaster is null || (postmaster.Domain == name && MailDomain.IsRole(postmaster))))
        {
            return ApiProblems.Invalid("postmaster", "Use an address, and another one than postmaster@ or abuse@ of this domain.");
        }

        var domainNow = new MailDomain
        {
            Name = name,
            Postmaster = postmaster,
            Enabled = asked.Enabled ?? true,
            CreatedAt = existing?.CreatedAt ?? time.GetUtcNow(),
            ETag = existing?.ETag ?? "",
        };
        var written = await store.PutDomainAsync(domainNow, cancellationToken);
        ApiRequests.SetETag(request.HttpContext.Response, written);
        return written.Result switch
        {
            WriteResult.Created => TypedResults.Created($"/api/domains/{name}", Answer(domainNow)),
            WriteResult.Replaced => TypedResults.Ok(Answer(domainNow)),
            _ => ApiProblems.PreconditionFailed($"The domain '{name}'"),
        };
    }

    private static async Task<IResult> DeleteAsync(string domain, HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        if (!DomainName.TryNormalize(domain, out var name))
        {
            return Malformed();
        }

        if (await store.FindDomainAsync(name, cancellationToken) is not { } existing)
        {
            return Missing(name);
        }

        if (ApiRequests.IsStale(request, existing.ETag))
        {
            return ApiProblems.PreconditionFailed($"The domain '{name}'");
        }

        if ((await store.ListEntriesAsync<AccountEntry>(name, 1, null, cancellationToken)).Items.Count > 0
            || (await store.ListEntriesAsync<AliasEntry>(name, 1, null, cancellationToken)).Items.Count > 0)
        {
            return ApiProblems.Conflict($"The domain '{name}' has accounts or aliases: delete them first.");
        }

        return await store.DeleteDomainAsync(name, existing.ETag, cancellationToken) switch
        {
            WriteResult.Conflict => ApiProblems.PreconditionFailed($"The domain '{name}'"),
            _ => TypedResults.NoContent(),
        };
    }

    private static DomainAnswer Answer(MailDomain domain) =>
        new(domain.Name, DomainName.ToUnicode(domain.Name), domain.Enabled, domain.CreatedAt, domain.Postmaster?.ToString());

    private static List<DnsRecord> Records(string domain, string host) =>
    [
        new(domain, "MX", $"10 {host}.", "Mail for the domain comes here (RFC 5321 §5.1)"),
        new(domain, "TXT", "v=spf1 mx ~all", "Who may send as the domain (RFC 7208)"),
        new($"_dmarc.{domain}", "TXT", $"v=DMARC1; p=none; rua=mailto:postmaster@{domain}", "What others do with mail that fails the checks (RFC 7489)"),
        new($"_submissions._tcp.{domain}", "SRV", $"0 1 465 {host}.", "How clients find submission (RFC 8314 §5.1)"),
        new($"_pop3s._tcp.{domain}", "SRV", $"0 1 995 {host}.", "How clients find POP3 (RFC 6186)"),
    ];

    private static IResult Malformed() => ApiProblems.Invalid("domain", "This is not a domain name of at least two labels.");

    private static IResult Missing(string name) => ApiProblems.NotFound($"There is no domain '{name}'.");
}
