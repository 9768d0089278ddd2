using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Dkim;
using Microsoft.AspNetCore.Mvc;

namespace MailFunctions.Functions.Domains;

/// <summary>
/// The rotation of a domain's DKIM keys: a new pair is published, then taken into use when DNS has it, and the one before
/// stays published for a week.
/// </summary>
internal static class DomainKeyRoutes
{
    public static void MapDomainKeys(this RouteGroupBuilder domains)
    {
        domains.MapPost("/{domain}/dkim", RotateAsync)
            .Produces<DomainAnswer>(201).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Makes a new pair of DKIM keys to publish, which is not used yet");
        domains.MapPost("/{domain}/dkim/activate", ActivateAsync)
            .Produces<DomainAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Takes the new DKIM keys into use when DNS has them; with ?force=true without asking DNS");
        domains.MapDelete("/{domain}/dkim/{selector}", DeleteAsync)
            .Produces(204).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Removes a DKIM key that is not in use, at once");
    }

    private static async Task<IResult> RotateAsync(
        string domain, HttpRequest request, DomainResource domains, DkimKeyring keyring, CancellationToken cancellationToken)
    {
        var (found, fault) = await domains.FindAsync(domain, cancellationToken, request);
        if (found is null)
        {
            return fault!;
        }

        if (!keyring.CanMake)
        {
            return ApiProblems.Conflict("There is no place for private keys: set Dkim__KeyVaultUri or Dkim__KeyDirectory.");
        }

        if (found.DkimKeys.FirstOrDefault(k => k.State == DkimState.Published) is { } waiting)
        {
            return ApiProblems.Conflict($"The selector '{waiting.Selector}' waits to be activated: activate it or delete it first.");
        }

        if (found.DkimKeys.Count + 2 > DkimKeyring.MaxKeys)
        {
            return ApiProblems.Conflict($"The domain '{found.Name}' has {found.DkimKeys.Count} selectors: delete retiring ones first.");
        }

        var made = await keyring.MakeAsync(found.DkimKeys, DkimState.Published, cancellationToken);
        var changed = found with { DkimKeys = [.. found.DkimKeys, .. made] };
        var (isWritten, answer) = await domains.WriteAsync(changed, request.HttpContext.Response, DomainAnswer.From, cancellationToken);
        if (!isWritten)
        {
            await keyring.DropAsync(made);
            return answer;
        }

        return TypedResults.Created(domains.LocationOf(found), DomainAnswer.Whole(changed, domains.HostNameOf(found)));
    }

    private static async Task<IResult> ActivateAsync(
        [AsParameters] KeyChange change, QueryFlag? force, DkimKeyring keyring, DnsCheck dns, CancellationToken cancellationToken)
    {
        var domains = change.Domains;
        var (found, fault) = await domains.FindAsync(change.Domain, cancellationToken, change.Request);
        if (found is null)
        {
            return fault!;
        }

        var host = domains.HostNameOf(found);
        var names = found.DkimKeys.Where(k => k.State == DkimState.Published).Select(k => DomainRecords.NameOf(k, found.Name)).ToList();
        if (names.Count == 0)
        {
            return ApiProblems.Conflict($"The domain '{found.Name}' has no new selector: make one by POST /api/domains/{found.Name}/dkim.");
        }

        if (force is not { Value: true })
        {
            var records = await dns.CheckAsync([.. DomainRecords.Of(found, host).Where(r => names.Contains(r.Name))], cancellationToken);
            if (records.Where(r => r.Result != RecordRules.Ok).ToList() is { Count: > 0 } wrong)
            {
                return ApiProblems.Conflict(
                    $"DNS does not have the new keys yet ({string.Join(", ", wrong.Select(r => $"{r.Name}: {r.Result}"))}). Nothing was "
                        + "changed; ?force=true does it all the same.");
            }
        }

        var changed = keyring.Activate(found);
        return await domains.ChangeAsync(
            changed, change.Request.HttpContext.Response, () => TypedResults.Ok(DomainAnswer.Whole(changed, host)), cancellationToken);
    }

    private static async Task<IResult> DeleteAsync(
        [AsParameters] KeyChange change, string selector, IDirectoryStore store, DkimKeyring keyring, CancellationToken cancellationToken)
    {
        var (found, fault) = await change.Domains.FindAsync(change.Domain, cancellationToken, change.Request);
        if (found is null)
        {
            return fault!;
        }

        if (found.DkimKeys.FirstOrDefault(k => k.Selector == selector) is not { } key)
        {
            return ApiProblems.NotFound($"The domain '{found.Name}' has no such selector.");
        }

        if (key.State == DkimState.Active)
        {
            return ApiProblems.Conflict($"The selector '{selector}' is in use: activate another one first.");
        }

        if ((await store.PutDomainAsync(found with { DkimKeys = [.. found.DkimKeys.Where(k => k != key)] }, cancellationToken))
            .Result != WriteResult.Replaced)
        {
            return change.Domains.PreconditionFailed(found.Name);
        }

        await keyring.DropAsync([key]);
        return TypedResults.NoContent();
    }

    /// <summary>The change of a key: of which domain, and under which conditions.</summary>
    internal sealed record KeyChange
    {
        [FromRoute(Name = "domain")]
        public required string Domain { get; init; }

        public required HttpRequest Request { get; init; }

        public required DomainResource Domains { get; init; }
    }
}
