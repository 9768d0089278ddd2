using System.Globalization;
using System.Text.Json.Serialization;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>The mailbox of an account that was deleted.</summary>
/// <param name="KeptUntil">Its mail is purged from then on.</param>
internal sealed record DeletedMailboxAnswer(string Id, DateTimeOffset DeletedAt, DateTimeOffset KeptUntil, long Messages, long Bytes);

/// <summary>What was put into the account.</summary>
/// <param name="AlreadyThere">Messages that the account has had before, in its mailbox or deleted.</param>
/// <param name="Continuation">There are more: call again with it.</param>
internal sealed record DeletedMailboxRestored(int Restored, int AlreadyThere, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Continuation);

/// <summary>
/// What deleted accounts had in their mailboxes, while it is kept. It is put into an account that there is, with references
/// of its own, and stays in the old mailbox for another retention: doing it again, or half of it, gives no message twice.
/// </summary>
internal static class DeletedMailboxRoutes
{
    public const int MaxListed = 50;

    /// <summary>Messages that one call puts into an account: three storage requests each.</summary>
    public const int MaxAtOnce = 1000;

    public static void MapDeletedMailboxes(this IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup(AccountRoutes.Group).WithTags("Accounts");
        accounts.MapGet("/{address}/deleted-mailboxes", ListAsync).Produces<ListAnswer<DeletedMailboxAnswer>>().ProducesValidationProblem()
            .WithSummary("Lists the mailboxes that deleted accounts of this address had and whose mail is still kept");
        accounts.MapPost("/{address}/deleted-mailboxes/{id}/restore", RestoreAsync).Produces<DeletedMailboxRestored>().ProducesValidationProblem().ProducesProblem(404)
            .WithSummary($"Puts up to {MaxAtOnce} messages of such a mailbox into the account of this address, or into that of ?into=");
    }

    private static async Task<IResult> ListAsync(
        string address, IMailboxRetirement retirement, IMailboxDelivery mailboxes, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadAddress(address) is not { } name)
        {
            return AccountRoutes.MalformedAddress();
        }

        var retired = await retirement.ListAsync(name, MaxListed, cancellationToken);
        var states = await Task.WhenAll(retired.Select(r => mailboxes.ReadStateAsync(r.MailboxId, cancellationToken)));
        return TypedResults.Ok(new ListAnswer<DeletedMailboxAnswer>(
            [.. retired.Zip(states, (r, s) => new DeletedMailboxAnswer(r.MailboxId, r.DeletedAt, r.KeptUntil, s?.Count ?? 0, s?.Bytes ?? 0))], null));
    }

    private static async Task<IResult> RestoreAsync(
        string address, string id, HttpRequest request, IDirectoryStore store, IMailboxRetirement retirement, IMailboxArchive archive, IMailboxDelivery mailboxes,
        CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadAddress(address) is not { } name)
        {
            return AccountRoutes.MalformedAddress();
        }

        if (ApiRequests.ReadPage(request, out var top, out var position) is { } malformed)
        {
            return malformed;
        }

        var (account, fault) = await AccountRoutes.FindAsync(request.Query["into"] is [{ Length: > 0 } into, ..] ? into : address, store, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        var most = request.Query.ContainsKey("top") ? top : MaxAtOnce;
        return await retirement.KeepAsync(name, id, cancellationToken)
            ? TypedResults.Ok(await PutAsync(request, id, most, position, account, archive, mailboxes, cancellationToken))
            : ApiProblems.NotFound($"No mailbox with that id is kept of '{name.ToCanonicalString()}'.");
    }

    // One after the other: they keep their order.
    private static async Task<DeletedMailboxRestored> PutAsync(
        HttpRequest request, string mailboxId, int most, string? position, AccountEntry account, IMailboxArchive archive,
        IMailboxDelivery mailboxes, CancellationToken cancellationToken)
    {
        var after = position is null ? 0 : uint.Parse(position, CultureInfo.InvariantCulture);
        var (restored, before) = (0, 0);
        await foreach (var entry in archive.ReadAllAsync(mailboxId, after, cancellationToken))
        {
            if (restored + before == most)
            {
                return new DeletedMailboxRestored(restored, before, Continuations.Write(request, after.ToString(CultureInfo.InvariantCulture)));
            }

            var copy = entry with { Uid = 0, FetchedAt = null };
            var isNew = await mailboxes.DeliverAsync(account.MailboxId, copy, quotaBytes: null, cancellationToken) is DeliveryResult.Delivered;
            (restored, before, after) = (restored + (isNew ? 1 : 0), before + (isNew ? 0 : 1), entry.Uid);
        }

        return new DeletedMailboxRestored(restored, before, null);
    }
}
