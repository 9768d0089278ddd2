using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Mvc;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>The mailboxes of deleted accounts: listed, and put into an account that exists.</summary>
internal static class DeletedMailboxRoutes
{
    public static void MapDeletedMailboxes(this IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup(AccountRoutes.Group).WithTags("Accounts");
        accounts.MapGet("/{address}/deleted-mailboxes", ListAsync).Produces<ListAnswer<DeletedMailboxAnswer>>().ProducesValidationProblem()
            .WithSummary("Lists the mailboxes that deleted accounts of this address had and whose mail is still kept");
        accounts.MapPost("/{address}/deleted-mailboxes/{id}/restore", RestoreAsync).Produces<DeletedMailboxRestored>()
            .ProducesValidationProblem().ProducesProblem(404)
            .WithSummary(
                $"Puts up to {MailboxRestoration.MaxAtOnce} messages of such a mailbox into the account of this "
                + "address, or into that of ?into=");
    }

    private static async Task<IResult> ListAsync(
        string address, AccountResource accounts, MailboxRestoration restoration, CancellationToken cancellationToken) =>
        ApiRequests.ReadAddress(address) is { } name
            ? TypedResults.Ok(new ListAnswer<DeletedMailboxAnswer>(await restoration.ListAsync(name, cancellationToken), null))
            : accounts.MalformedName();

    private static async Task<IResult> RestoreAsync(
        [AsParameters] RestoreQuery asked, [AsParameters] PageQuery page, AccountResource accounts, MailboxRestoration restoration,
        CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadAddress(asked.Address) is not { } name)
        {
            return accounts.MalformedName();
        }

        var (account, fault) = await accounts.FindAsync(string.IsNullOrEmpty(asked.Into) ? asked.Address : asked.Into, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        return await restoration.KeepAsync(name, asked.Id, cancellationToken)
            ? TypedResults.Ok(await restoration.PutAsync(asked.Id, account, page, cancellationToken))
            : ApiProblems.NotFound($"No mailbox with that id is kept of '{name.ToCanonicalString()}'.");
    }

    /// <summary>Which mailbox goes into which account; without <see cref="Into"/> into the one of its own address.</summary>
    internal sealed record RestoreQuery
    {
        [FromRoute(Name = "address")]
        public required string Address { get; init; }

        [FromRoute(Name = "id")]
        public required string Id { get; init; }

        [FromQuery(Name = "into")]
        public string? Into { get; init; }
    }
}
