using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Dkim;

namespace MailFunctions.Functions.Domains;

/// <summary>The domains that mail is taken for.</summary>
internal static class DomainRoutes
{
    public const string Group = "/api/domains";

    public static void MapDomains(this IEndpointRouteBuilder routes)
    {
        var domains = routes.MapGroup(Group).WithTags("Domains");
        domains.MapGet("", ListAsync).Produces<ListAnswer<DomainAnswer>>().WithSummary("Lists the domains");
        domains.MapGet("/{domain}", GetAsync).Produces<DomainAnswer>().ProducesProblem(404).ProducesValidationProblem()
            .WithSummary("Shows a domain and the DNS records to publish; with ?check=true also what DNS says now");
        domains.MapPut("/{domain}", PutAsync).AcceptsJson<DomainRequest>("""{"enabled": true, "postmaster": "alice@example.test"}""")
            .Produces<DomainAnswer>().Produces<DomainAnswer>(201).ProducesValidationProblem().ProducesProblem(412)
            .WithSummary("Makes a domain, or replaces its settings");
        domains.MapPatch("/{domain}", PatchAsync).AcceptsJson<DomainRequest>("""{"postmaster": "bob@example.test"}""")
            .Produces<DomainAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(412)
            .WithSummary("Changes some settings of a domain");
        domains.MapDelete("/{domain}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Removes a domain that has neither accounts nor aliases");
        domains.MapDomainKeys();
    }

    private static async Task<IResult> ListAsync([AsParameters] PageQuery query, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var page = await store.ListDomainsAsync(query.Top, query.Position, cancellationToken);
        return TypedResults.Ok(query.Answer<DomainAnswer>([.. page.Items.Select(DomainAnswer.From)], page.Continuation));
    }

    private static async Task<IResult> GetAsync(
        string domain, QueryFlag? check, HttpResponse response, DomainResource domains, DnsCheck dns, CancellationToken cancellationToken)
    {
        var (found, fault) = await domains.FindAsync(domain, cancellationToken);
        if (found is null)
        {
            return fault!;
        }

        var answer = DomainAnswer.Whole(found, domains.HostNameOf(found));
        response.Headers.ETag = found.ETag;
        return TypedResults.Ok(check is { Value: true }
            ? answer with { DnsRecords = await dns.CheckAsync(answer.DnsRecords!, cancellationToken) }
            : answer);
    }

    private static async Task<IResult> PutAsync(
        string domain, HttpRequest request, DomainResource domains, DkimKeyring keyring, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (put, fault) = await domains.BeginPutAsync<DomainRequest>(domain, request, cancellationToken);
        if (put is null)
        {
            return fault!;
        }

        if (!IsPostmaster(put.Body.Postmaster, put.Name))
        {
            return MalformedPostmaster();
        }

        var existing = put.Existing;
        IReadOnlyList<DkimKey> made = existing is { DkimKeys.Count: > 0 }
            ? []
            : await keyring.MakeAsync([], DkimState.Active, cancellationToken);
        var domainNow = new MailDomain
        {
            Name = put.Name,
            Postmaster = EmailAddress.Parse(put.Body.Postmaster ?? domains.DefaultPostmaster),
            Enabled = put.Body.Enabled ?? true,
            CreatedAt = existing?.CreatedAt ?? time.GetUtcNow(),
            DkimKeys = made.Count > 0 ? made : existing?.DkimKeys ?? [],
            ETag = existing?.ETag ?? "",
        };
        var (isWritten, answer) = await domains.WriteAsync(domainNow, request.HttpContext.Response, DomainAnswer.From, cancellationToken);
        if (!isWritten)
        {
            await keyring.DropAsync(made);
        }

        return answer;
    }

    private static async Task<IResult> PatchAsync(
        string domain, HttpRequest request, DomainResource domains, CancellationToken cancellationToken)
    {
        var (asked, existing, fault) = await domains.BeginChangeAsync<DomainRequest>(domain, request, cancellationToken);
        if (asked is null || existing is null)
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
        return await domains.ChangeAsync(
            changed, request.HttpContext.Response, () => TypedResults.Ok(DomainAnswer.From(changed)), cancellationToken);
    }

    /// <summary>Empty text removes the postmaster.</summary>
    private static bool IsPostmaster(string? asked, string domain) =>
        string.IsNullOrEmpty(asked)
            || (EmailAddress.Parse(asked) is { } address && !(address.Domain == domain && MailDomain.IsRole(address)));

    private static IResult MalformedPostmaster() =>
        ApiProblems.Invalid("postmaster", "Use an address, and another one than postmaster@ or abuse@ of this domain.");

    private static async Task<IResult> DeleteAsync(
        string domain, HttpRequest request, DomainResource domains, IDirectoryStore store, DkimKeyring keyring,
        CancellationToken cancellationToken)
    {
        var (existing, fault) = await domains.FindAsync(domain, cancellationToken, request);
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
            return domains.PreconditionFailed(name);
        }

        await keyring.DropAsync(existing.DkimKeys);
        return TypedResults.NoContent();
    }
}
