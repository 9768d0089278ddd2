using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts;

/// <summary>Generated passwords, one a device: shown once, revoked one by one.</summary>
internal static class AppPasswordRoutes
{
    public static void MapAppPasswords(this IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup(AccountRoutes.Group).WithTags("Accounts");
        accounts.MapGet("/{address}/app-passwords", ListAsync).Produces<ListAnswer<AppPasswordAnswer>>().ProducesProblem(404).WithSummary("Lists app passwords");
        accounts.MapPost("/{address}/app-passwords", PostAsync).Accepts<AppPasswordRequest>("application/json")
            .Produces<AppPasswordAnswer>(201).ProducesValidationProblem().ProducesProblem(404).WithSummary("Makes an app password and shows it, this once only");
        accounts.MapDelete("/{address}/app-passwords/{id}", DeleteAsync).Produces(204).ProducesProblem(404).WithSummary("Revokes an app password");
    }

    private static async Task<IResult> ListAsync(string address, IDirectoryStore store, IAppPasswordUse use, CancellationToken cancellationToken)
    {
        var (account, fault) = await AccountRoutes.FindAsync(address, store, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        var uses = await use.ReadAsync(account.MailboxId, cancellationToken);
        return TypedResults.Ok(new ListAnswer<AppPasswordAnswer>(
            [.. account.AppPasswords.Select(p => new AppPasswordAnswer(p.Id, p.Label, p.CreatedAt, LastUsedAt: uses.TryGetValue(p.Id, out var at) ? at : null))], null));
    }

    private static async Task<IResult> PostAsync(
        string address, HttpRequest request, IDirectoryStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var (asked, malformed) = await ApiRequests.ReadJsonAsync<AppPasswordRequest>(request);
        if (asked is null)
        {
            return malformed!;
        }

        var (account, fault) = await AccountRoutes.FindAsync(address, store, cancellationToken, request);
        if (account is null)
        {
            return fault!;
        }

        if (asked.Label.Length is 0 or > AccountRules.MaxLabel || asked.Label.Any(char.IsControl))
        {
            return ApiProblems.Invalid("label", $"Use 1 to {AccountRules.MaxLabel} characters, none of them control characters.");
        }

        if (account.AppPasswords.Count >= AccountRules.MaxAppPasswords)
        {
            return ApiProblems.Conflict($"The account has {AccountRules.MaxAppPasswords} app passwords already: revoke one first.");
        }

        var (id, password, verifier) = GeneratedPassword.Create([.. account.AppPasswords.Select(p => p.Id)]);
        var made = new AppPassword(id, asked.Label, verifier, time.GetUtcNow());
        var written = await store.PutEntryAsync(account with { AppPasswords = [.. account.AppPasswords, made] }, cancellationToken);
        Preconditions.SetETag(request.HttpContext.Response, written);
        return written.Result == WriteResult.Replaced
            ? TypedResults.Created(
                $"/api/accounts/{Uri.EscapeDataString(account.Address.ToCanonicalString())}/app-passwords/{made.Id}",
                new AppPasswordAnswer(made.Id, made.Label, made.CreatedAt, password))
            : Preconditions.Failed($"The account '{account.Address.ToCanonicalString()}'");
    }

    private static async Task<IResult> DeleteAsync(string address, string id, HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var (account, fault) = await AccountRoutes.FindAsync(address, store, cancellationToken, request);
        if (account is null)
        {
            return fault!;
        }

        if (account.AppPasswords.All(p => p.Id != id))
        {
            return ApiProblems.NotFound("There is no app password with that id.");
        }

        var written = await store.PutEntryAsync(
            account with { AppPasswords = [.. account.AppPasswords.Where(p => p.Id != id)] }, cancellationToken);
        Preconditions.SetETag(request.HttpContext.Response, written);
        return written.Result == WriteResult.Replaced
            ? TypedResults.NoContent()
            : Preconditions.Failed($"The account '{account.Address.ToCanonicalString()}'");
    }
}
