using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts;

/// <summary>The accounts: who has a mailbox, and how they log in.</summary>
internal static class AccountRoutes
{
    /// <summary>Where all routes of accounts begin.</summary>
    public const string Group = "/api/accounts";
    private const int StatesAtOnce = 16;

    public static void MapAccounts(this IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup(Group).WithTags("Accounts");
        accounts.MapGet("", ListAsync).Produces<ListAnswer<AccountAnswer>>().ProducesValidationProblem()
            .WithSummary("Lists accounts, of one domain with ?domain=; with ?usage=true also how full they are");
        accounts.MapGet("/{address}", GetAsync).Produces<AccountAnswer>().ProducesProblem(404).WithSummary("Shows an account");
        accounts.MapPut("/{address}", PutAsync)
            .AcceptsJson<AccountRequest>(
                """{"password": "correct horse battery staple", "displayName": "Alice", "quotaBytes": 1000000000}""")
            .Produces<AccountAnswer>().Produces<AccountAnswer>(201)
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Makes an account, or replaces its settings");
        accounts.MapPatch("/{address}", PatchAsync).AcceptsJson<AccountRequest>("""{"enabled": false}""")
            .Produces<AccountAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(412)
            .WithSummary("Changes some settings of an account");
        accounts.MapDelete("/{address}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(412)
            .WithSummary("Removes an account; its mail is kept, and can be restored, until the retention ends");
        accounts.MapPut("/{address}/password", PutPasswordAsync)
            .AcceptsJson<PasswordRequest>("""{"password": "correct horse battery staple"}""")
            .Produces(204).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(412).WithSummary("Sets the password");
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] PageQuery query, QueryDomain? domain, QueryFlag? usage, IDirectoryStore store, IMailboxDelivery mailboxes,
        CancellationToken cancellationToken)
    {
        var page = await store.ListEntriesAsync<AccountEntry>(domain?.Name, query.Top, query.Position, cancellationToken);
        var answers = page.Items.Select(AccountAnswer.From).ToArray();
        await Parallel.ForEachAsync(
            usage is { Value: true } ? Enumerable.Range(0, answers.Length) : [],
            new ParallelOptions { MaxDegreeOfParallelism = StatesAtOnce, CancellationToken = cancellationToken },
            async (i, token) => answers[i] = await WithUsageAsync(answers[i], page.Items[i], mailboxes, token));
        return TypedResults.Ok(query.Answer(answers, page.Continuation));
    }

    private static async Task<AccountAnswer> WithUsageAsync(
        AccountAnswer answer, AccountEntry account, IMailboxDelivery mailboxes, CancellationToken cancellationToken)
    {
        var state = await mailboxes.ReadStateAsync(account.MailboxId, cancellationToken);
        return answer with { Mailbox = new MailboxAnswer(state?.Count ?? 0, state?.Bytes ?? 0) };
    }

    private static async Task<IResult> GetAsync(
        string address, HttpResponse response, AccountResource accounts, IMailboxDelivery mailboxes, CancellationToken cancellationToken)
    {
        var (account, fault) = await accounts.FindAsync(address, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        response.Headers.ETag = account.ETag;
        return TypedResults.Ok(await WithUsageAsync(AccountAnswer.From(account), account, mailboxes, cancellationToken));
    }

    private static async Task<IResult> PutAsync(
        string address, HttpRequest request, AccountResource accounts, CancellationToken cancellationToken)
    {
        var (put, fault) = await accounts.BeginPutAsync<AccountRequest>(address, request, cancellationToken);
        if (put is null)
        {
            return fault!;
        }

        var faults = new Faults();
        if (put.Existing is null && put.Body.Password is null)
        {
            faults.Add("password", "A new account needs one.");
        }

        if (put.Existing is null && put.Name.Key.Contains('+', StringComparison.Ordinal))
        {
            faults.Add("address", "What stands behind '+' is a tag of another account.");
        }

        var account = AccountRules.Apply(put.Body, put.Existing ?? accounts.New(put.Name), replace: true, faults);
        return faults.Any
            ? ApiProblems.Invalid(faults)
            : (await accounts.WriteAsync(account, request.HttpContext.Response, AccountAnswer.From, cancellationToken)).Answer;
    }

    private static async Task<IResult> PatchAsync(
        string address, HttpRequest request, AccountResource accounts, CancellationToken cancellationToken)
    {
        var (asked, account, fault) = await accounts.BeginChangeAsync<AccountRequest>(address, request, cancellationToken);
        if (fault is not null)
        {
            return fault;
        }

        var faults = new Faults();
        var changed = AccountRules.Apply(asked!, account!, replace: false, faults);
        return faults.Any
            ? ApiProblems.Invalid(faults)
            : await accounts.ChangeAsync(
                changed, request.HttpContext.Response, () => TypedResults.Ok(AccountAnswer.From(changed)), cancellationToken);
    }

    private static async Task<IResult> PutPasswordAsync(
        string address, HttpRequest request, AccountResource accounts, CancellationToken cancellationToken)
    {
        var (asked, account, fault) = await accounts.BeginChangeAsync<PasswordRequest>(address, request, cancellationToken);
        if (fault is not null)
        {
            return fault;
        }

        var faults = new Faults();
        return AccountRules.CheckPassword(asked!.Password, faults) is { } verifier
            ? await accounts.ChangeAsync(
                account! with { Password = verifier }, request.HttpContext.Response, TypedResults.NoContent, cancellationToken)
            : ApiProblems.Invalid(faults);
    }

    private static async Task<IResult> DeleteAsync(
        string address, HttpRequest request, AccountResource accounts, IDirectoryStore store, IMailboxRetirement retirement,
        CancellationToken cancellationToken)
    {
        var (account, fault) = await accounts.FindAsync(address, cancellationToken, request);
        if (account is null)
        {
            return fault!;
        }

        await retirement.RetireAsync(account, cancellationToken);
        return await store.DeleteEntryAsync(account.Address, account.ETag, cancellationToken) == WriteResult.Conflict
            ? accounts.PreconditionFailed(account.Address)
            : TypedResults.NoContent();
    }
}
