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
    public const int MaxTargets = 100;

    public static void MapAliases(this IEndpointRouteBuilder routes)
    {
        var aliases = routes.MapGroup("/api/aliases").WithTags("Aliases");
        aliases.MapGet("", ListAsync).Produces<ListAnswer<AliasAnswer>>().ProducesValidationProblem().WithSummary("Lists aliases, of one domain with ?domain=");
        aliases.MapGet("/{address}", GetAsync).Produces<AliasAnswer>().ProducesProblem(404).WithSummary("Shows an alias");
        aliases.MapPut("/{address}", PutAsync).Accepts<AliasRequest>("application/json")
            .Produces<AliasAnswer>().Produces<AliasAnswer>(201).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Makes an alias, or replaces its targets");
        aliases.MapDelete("/{address}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(412).WithSummary("Removes an alias");
    }

    private static async Task<IResult> ListAsync(HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        string? domain = null;
        if (request.Query["domain"] is [{ Length: > 0 } text, ..] && !DomainName.TryNormalize(text, out domain))
        {
            return ApiProblems.Invalid("domain", "This is not a domain name.");
        }

        var page = await store.ListEntriesAsync<AliasEntry>(domain, top, continuation, cancellationToken);
        return TypedResults.Ok(new ListAnswer<AliasAnswer>([.. page.Items.Select(Answer)], Continuations.Write(request, page.Continuation)));
    }

    private static async Task<IResult> GetAsync(string address, HttpResponse response, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var (alias, fault) = await FindAsync(address, store, cancellationToken);
        if (alias is null)
        {
            return fault!;
        }

        response.Headers.ETag = alias.ETag;
        return TypedResults.Ok(Answer(alias));
    }

    private static async Task<IResult> PutAsync(
        string address, HttpRequest request, IDirectoryStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadAddress(address) is not { } name)
        {
            return MalformedAddress();
        }

        var (asked, malformed) = await ApiRequests.ReadJsonAsync<AliasRequest>(request);
        if (asked is null)
        {
            return malformed!;
        }

        if (await store.FindDomainAsync(name.Domain, cancellationToken) is null)
        {
            return ApiProblems.NotFound($"There is no domain '{name.Domain}': make it first.");
        }

        var existing = await store.FindEntryAsync(name, cancellationToken);
        if (existing is AccountEntry)
        {
            return ApiProblems.Conflict($"'{name.ToCanonicalString()}' is an account.");
        }

        if (!Preconditions.Hold(request, existing?.ETag))
        {
            return Preconditions.Failed($"The alias '{name.ToCanonicalString()}'");
        }

        var faults = new Faults();
        var targets = ReadTargets(asked.Targets, faults);
        if (!faults.Any && await AliasChains.FindFaultAsync(name, targets, store, cancellationToken) is { } chain)
        {
            faults.Add("targets", chain);
        }

        if (faults.Any)
        {
            return ApiProblems.Invalid(faults);
        }

        var alias = new AliasEntry { Address = name, Targets = targets, CreatedAt = existing?.CreatedAt ?? time.GetUtcNow(), ETag = existing?.ETag ?? "" };
        var written = await store.PutEntryAsync(alias, cancellationToken);
        Preconditions.SetETag(request.HttpContext.Response, written);
        return written.Result switch
        {
            WriteResult.Created => TypedResults.Created("/api/aliases/" + Uri.EscapeDataString(Name(alias.Address)), Answer(alias)),
            WriteResult.Replaced => TypedResults.Ok(Answer(alias)),
            _ => Preconditions.Failed($"The alias '{name.ToCanonicalString()}'"),
        };
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

    private static async Task<IResult> DeleteAsync(string address, HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var (alias, fault) = await FindAsync(address, store, cancellationToken);
        if (alias is null)
        {
            return fault!;
        }

        return !Preconditions.Hold(request, alias.ETag)
            || await store.DeleteEntryAsync(alias.Address, alias.ETag, cancellationToken) == WriteResult.Conflict
                ? Preconditions.Failed($"The alias '{Name(alias.Address)}'")
                : TypedResults.NoContent();
    }

    private static async Task<(AliasEntry? Alias, IResult? Fault)> FindAsync(string address, IDirectoryStore store, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadAddress(address) is not { } name)
        {
            return (null, MalformedAddress());
        }

        return await store.FindEntryAsync(name, cancellationToken) is AliasEntry alias
            ? (alias, null)
            : (null, ApiProblems.NotFound($"There is no alias '{Name(name)}'."));
    }

    private static string Name(EmailAddress address) => address.ToCanonicalString();

    private static AliasAnswer Answer(AliasEntry alias) =>
        new(Name(alias.Address), [.. alias.Targets.Select(t => t.ToString())], alias.CreatedAt);

    private static IResult MalformedAddress() =>
        ApiProblems.Invalid("address", "This is not an address of the form local-part@domain, or *@domain.");
}
