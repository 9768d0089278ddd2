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
        accounts.MapGet("/{address}/app-passwords", ListAsync).Produces<ListAnswer<AppPasswordAnswer>>().ProducesProblem(404)
            .WithSummary("Lists app passwords");
        accounts.MapPost("/{address}/app-passwords", PostAsync).AcceptsJson<AppPasswordRequest>("""{"label": "phone"}""")
            .Produces<AppPasswordAnswer>(201).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Makes an app password and shows it, this once only");
        accounts.MapDelete("/{address}/app-passwords/{id}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(412)
            .WithSummary("Revokes an app password");
    }

    private static async Task<IResult> ListAsync(
        string address, AccountResource accounts, IAppPasswordUse use, CancellationToken cancellationToken)
    {
        var (account, fault) = await accounts.FindAsync(address, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        var uses = await use.ReadAsync(account.MailboxId, cancellationToken);
        return TypedResults.Ok(new ListAnswer<AppPasswordAnswer>(
            [
                .. account.AppPasswords.Select(p => new AppPasswordAnswer(
                    p.Id, p.Label, p.CreatedAt, LastUsedAt: uses.TryGetValue(p.Id, out var at) ? at : null)),
            ],
            null));
    }

    private static async Task<IResult> PostAsync(
        string address, HttpRequest request, AccountResource accounts, TimeProvider time, CancellationToken cancellationToken)
    {
        var (asked, account, fault) = await accounts.BeginChangeAsync<AppPasswordRequest>(address, request, cancellationToken);
        if (asked is null || account is null)
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
        return await accounts.ChangeAsync(
            account with { AppPasswords = [.. account.AppPasswords, made] },
            request.HttpContext.Response,
            () => TypedResults.Created(
                $"{accounts.LocationOf(account)}/app-passwords/{made.Id}",
                new AppPasswordAnswer(made.Id, made.Label, made.CreatedAt, password)),
            cancellationToken);
    }

    private static async Task<IResult> DeleteAsync(
        string address, string id, HttpRequest request, AccountResource accounts, CancellationToken cancellationToken)
    {
        var (account, fault) = await accounts.FindAsync(address, cancellationToken, request);
        if (account is null)
        {
            return fault!;
        }

        return account.AppPasswords.Any(p => p.Id == id)
            ? await accounts.ChangeAsync(
                account with { AppPasswords = [.. account.AppPasswords.Where(p => p.Id != id)] },
                request.HttpContext.Response,
                TypedResults.NoContent,
                cancellationToken)
            : ApiProblems.NotFound("There is no app password with that id.");
    }
}
