using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Functions.Accounts.Import;
using MailFunctions.Functions.Accounts.Messages;
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
        accounts.MapGet("", ListAsync).Produces<ListAnswer<AccountAnswer>>().ProducesValidationProblem().WithSummary("Lists accounts, of one domain with ?domain=; with ?usage=true also how full they are");
        accounts.MapGet("/{address}", GetAsync).Produces<AccountAnswer>().ProducesProblem(404).WithSummary("Shows an account");
        accounts.MapPut("/{address}", PutAsync).Accepts<AccountRequest>("application/json")
            .Produces<AccountAnswer>().Produces<AccountAnswer>(201).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).ProducesProblem(412)
            .WithSummary("Makes an account, or replaces its settings");
        accounts.MapPatch("/{address}", PatchAsync).Accepts<AccountRequest>("application/json")
            .Produces<AccountAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(412).WithSummary("Changes some settings of an account");
        accounts.MapDelete("/{address}", DeleteAsync).Produces(204).ProducesProblem(404).ProducesProblem(412)
            .WithSummary("Removes an account; its mail is kept, and can be restored, until the retention ends");
        accounts.MapPut("/{address}/password", PutPasswordAsync).Accepts<PasswordRequest>("application/json")
            .Produces(204).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(412).WithSummary("Sets the password");
    }

    private static async Task<IResult> ListAsync(HttpRequest request, IDirectoryStore store, IMailboxDelivery mailboxes, CancellationToken cancellationToken)
    {
        var malformed = ApiRequests.ReadFlag(request, "usage", out var usage);
        if ((ApiRequests.ReadPage(request, out var top, out var continuation) ?? malformed) is { } fault)
        {
            return fault;
        }

        string? domain = null;
        if (request.Query["domain"] is [{ Length: > 0 } text, ..] && !DomainName.TryNormalize(text, out domain))
        {
            return ApiProblems.Invalid("domain", "This is not a domain name.");
        }

        var page = await store.ListEntriesAsync<AccountEntry>(domain, top, continuation, cancellationToken);
        var answers = page.Items.Select(AccountAnswer.From).ToArray();
        await Parallel.ForEachAsync(
            usage ? Enumerable.Range(0, answers.Length) : [],
            new ParallelOptions { MaxDegreeOfParallelism = StatesAtOnce, CancellationToken = cancellationToken },
            async (i, token) => answers[i] = await WithUsageAsync(answers[i], page.Items[i], mailboxes, token));
        return TypedResults.Ok(new ListAnswer<AccountAnswer>(answers, Continuations.Write(request, page.Continuation)));
    }

    private static async Task<AccountAnswer> WithUsageAsync(
        AccountAnswer answer, AccountEntry account, IMailboxDelivery mailboxes, CancellationToken cancellationToken)
    {
        var state = await mailboxes.ReadStateAsync(account.MailboxId, cancellationToken);
        return answer with { Mailbox = new MailboxAnswer(state?.Count ?? 0, state?.Bytes ?? 0) };
    }

    private static async Task<IResult> GetAsync(
        string address, HttpResponse response, IDirectoryStore store, IMailboxDelivery mailboxes, CancellationToken cancellationToken)
    {
        var (account, fault) = await FindAsync(address, store, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        response.Headers.ETag = account.ETag;
        return TypedResults.Ok(await WithUsageAsync(AccountAnswer.From(account), account, mailboxes, cancellationToken));
    }

    private static async Task<IResult> PutAsync(
        string address, HttpRequest request, IDirectoryStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadAddress(address) is not { } name)
        {
            return MalformedAddress();
        }

        var (asked, malformed) = await ApiRequests.ReadJsonAsync<AccountRequest>(request);
        if (asked is null)
        {
            return malformed!;
        }

        if (await store.FindDomainAsync(name.Domain, cancellationToken) is null)
        {
            return ApiProblems.NotFound($"There is no domain '{name.Domain}': make it first.");
        }

        var existing = await store.FindEntryAsync(name, cancellationToken);
        if (existing is AliasEntry)
        {
            return ApiProblems.Conflict($"'{name.ToCanonicalString()}' is an alias: delete it first.");
        }

        if (!Preconditions.Hold(request, existing?.ETag))
        {
            return Preconditions.Failed($"The account '{name.ToCanonicalString()}'");
        }

        var faults = new Faults();
        if (existing is null && asked.Password is null)
        {
            faults.Add("password", "A new account needs one.");
        }

        if (existing is null && name.Key.Contains('+', StringComparison.Ordinal))
        {
            faults.Add("address", "What stands behind '+' is a tag of another account.");
        }

        var account = AccountRules.Apply(asked, existing as AccountEntry ?? New(name, time), replace: true, faults);
        return faults.Any ? ApiProblems.Invalid(faults) : await WriteAsync(account, request, store, cancellationToken);
    }

    public static AccountEntry New(EmailAddress address, TimeProvider time) => new()
    {
        Address = address,
        MailboxId = Guid.CreateVersion7(time.GetUtcNow()).ToString("N"),
        CreatedAt = time.GetUtcNow(),
    };

    private static async Task<IResult> PatchAsync(string address, HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var (asked, malformed) = await ApiRequests.ReadJsonAsync<AccountRequest>(request);
        if (asked is null)
        {
            return malformed!;
        }

        var (account, fault) = await FindAsync(address, store, cancellationToken, request);
        if (account is null)
        {
            return fault!;
        }

        var faults = new Faults();
        var changed = AccountRules.Apply(asked, account, replace: false, faults);
        return faults.Any ? ApiProblems.Invalid(faults) : await WriteAsync(changed, request, store, cancellationToken);
    }

    private static async Task<IResult> PutPasswordAsync(string address, HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var (asked, malformed) = await ApiRequests.ReadJsonAsync<PasswordRequest>(request);
        if (asked is null)
        {
            return malformed!;
        }

        var (account, fault) = await FindAsync(address, store, cancellationToken, request);
        if (account is null)
        {
            return fault!;
        }

        var faults = new Faults();
        var verifier = AccountRules.CheckPassword(asked.Password, faults);
        if (verifier is null)
        {
            return ApiProblems.Invalid(faults);
        }

        var written = await store.PutEntryAsync(account with { Password = verifier }, cancellationToken);
        Preconditions.SetETag(request.HttpContext.Response, written);
        return written.Result == WriteResult.Replaced
            ? TypedResults.NoContent()
            : Preconditions.Failed($"The account '{account.Address.ToCanonicalString()}'");
    }

    private static async Task<IResult> DeleteAsync(
        string address, HttpRequest request, IDirectoryStore store, IMailboxRetirement retirement, CancellationToken cancellationToken)
    {
        var (account, fault) = await FindAsync(address, store, cancellationToken, request);
        if (account is null)
        {
            return fault!;
        }

        await retirement.RetireAsync(account, cancellationToken);
        return await store.DeleteEntryAsync(account.Address, account.ETag, cancellationToken) switch
        {
            WriteResult.Conflict => Preconditions.Failed($"The account '{account.Address.ToCanonicalString()}'"),
            _ => TypedResults.NoContent(),
        };
    }

    private static async Task<IResult> WriteAsync(AccountEntry account, HttpRequest request, IDirectoryStore store, CancellationToken cancellationToken)
    {
        var written = await store.PutEntryAsync(account, cancellationToken);
        Preconditions.SetETag(request.HttpContext.Response, written);
        return written.Result switch
        {
            WriteResult.Created => TypedResults.Created(
                "/api/accounts/" + Uri.EscapeDataString(account.Address.ToCanonicalString()), AccountAnswer.From(account)),
            WriteResult.Replaced => TypedResults.Ok(AccountAnswer.From(account)),
            _ => Preconditions.Failed($"The account '{account.Address.ToCanonicalString()}'"),
        };
    }

    /// <summary>The account of the path, or the answer that there is none; with a request, also its `If-Match` is checked.</summary>
    public static async Task<(AccountEntry? Account, IResult? Fault)> FindAsync(
        string address, IDirectoryStore store, CancellationToken cancellationToken, HttpRequest? request = null)
    {
        if (ApiRequests.ReadAddress(address) is not { } name)
        {
            return (null, MalformedAddress());
        }

        if (await store.FindEntryAsync(name, cancellationToken) is not AccountEntry account)
        {
            return (null, ApiProblems.NotFound($"There is no account '{name.ToCanonicalString()}'."));
        }

        return request is not null && !Preconditions.Hold(request, account.ETag)
            ? (null, Preconditions.Failed($"The account '{name.ToCanonicalString()}'"))
            : (account, null);
    }

    public static IResult MalformedAddress() => ApiProblems.Invalid("address", "This is not an address of the form local-part@domain.");
}
