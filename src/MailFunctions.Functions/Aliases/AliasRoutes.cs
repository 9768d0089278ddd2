using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Aliases;

/// <summary>`PUT /api/aliases/{address}`.</summary>
internal sealed record AliasRequest(IReadOnlyList<string> Targets);

/// <summary>An alias; the address `*@domain` is the domain's catch-all.</summary>
internal sealed record AliasAnswer(string Address, IReadOnlyList<string> Targets, DateTimeOffset CreatedAt);

/// <summary>Other names for one or several addresses.</summary>
internal static class AliasRoutes
{
    public const string Group = "/api/aliases";
    public const int MaxTargets = 100;

    public static void MapAliases(this IEndpointRouteBuilder routes)
    {
        var aliases = routes.MapGroup(Group).WithTags("Aliases");
        aliases.MapGet("", ListAsync).Produces<ListAnswer<AliasAnswer>>().ProducesValidationProblem()
            .WithSummary("Lists aliases, of one domain with ?domain=");
        aliases.MapGet("/{address}", GetAsync).Produces<AliasAnswer>().ProducesProblem(404).WithSummary("Shows an alias");
        aliases.MapPut("/{address}", PutAsync)
            .AcceptsJson<AliasRequest>("""{"targets": ["alice@example.test", "archive@elsewhere.test"]}""")
            .Produces<AliasAnswer>().Produces<AliasAnswer>(201)
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Makes an alias, or replaces its targets");
        aliases.MapDelete("/{address}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(412)
            .WithSummary("Removes an alias");
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] PageQuery query, QueryDomain? domain, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var page = await store.ListEntriesAsync<AliasEntry>(domain?.Name, query.Top, query.Position, cancellationToken);
        return TypedResults.Ok(query.Answer<AliasAnswer>([.. page.Items.Select(Answer)], page.Continuation));
    }

    private static async Task<IResult> GetAsync(
        string address, HttpResponse response, AliasResource aliases, CancellationToken cancellationToken)
    {
        var (alias, fault) = await aliases.FindAsync(address, cancellationToken);
        if (alias is null)
        {
            return fault!;
        }

        response.Headers.ETag = alias.ETag;
        return TypedResults.Ok(Answer(alias));
    }

    private static async Task<IResult> PutAsync(
        string address, HttpRequest request, AliasResource aliases, IDirectoryReader directory, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (put, fault) = await aliases.BeginPutAsync<AliasRequest>(address, request, cancellationToken);
        if (put is null)
        {
            return fault!;
        }

        var faults = new Faults();
        var targets = ReadTargets(put.Body.Targets, faults);
        if (!faults.Any && await AliasChains.FindFaultAsync(put.Name, targets, directory, cancellationToken) is { } chain)
        {
            faults.Add("targets", chain);
        }

        if (faults.Any)
        {
            return ApiProblems.Invalid(faults);
        }

        var alias = new AliasEntry
        {
            Address = put.Name,
            Targets = targets,
            CreatedAt = put.Existing?.CreatedAt ?? time.GetUtcNow(),
            ETag = put.Existing?.ETag ?? "",
        };
        return (await aliases.WriteAsync(alias, request.HttpContext.Response, Answer, cancellationToken)).Answer;
    }

    private static List<EmailAddress> ReadTargets(IReadOnlyList<string> texts, Faults faults)
    {
        if (texts.Count is 0 or > MaxTargets)
        {
            faults.Add("targets", $"Give 1 to {MaxTargets} addresses.");
            return [];
        }

        var targets = new List<EmailAddress>();
        for (var i = 0; i < texts.Count; i++)
        {
            if (!EmailAddress.TryParse(texts[i], out var target))
            {
                faults.Add($"targets[{i}]", "This is not an address.");
            }
            else if (!targets.Contains(target))
            {
                targets.Add(target);
            }
        }

        return targets;
    }

    private static async Task<IResult> DeleteAsync(
        string address, HttpRequest request, AliasResource aliases, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var (alias, fault) = await aliases.FindAsync(address, cancellationToken, request);
        if (alias is null)
        {
            return fault!;
        }

        return await store.DeleteEntryAsync(alias.Address, alias.ETag, cancellationToken) == WriteResult.Conflict
            ? aliases.PreconditionFailed(alias.Address)
            : TypedResults.NoContent();
    }

    private static AliasAnswer Answer(AliasEntry alias) =>
        new(alias.Address.ToCanonicalString(), [.. alias.Targets.Select(t => t.ToString())], alias.CreatedAt);
}
