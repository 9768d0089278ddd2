using System.Globalization;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>The messages of an account: looked at, fetched raw, brought back.</summary>
internal static class MessageRoutes
{
    public const string MessageType = "message/rfc822";

    public static void MapMessages(this IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup(AccountRoutes.Group).WithTags("Accounts");
        accounts.MapGet("/{address}/messages", ListAsync).Produces<ListAnswer<MessageAnswer>>()
            .ProducesValidationProblem().ProducesProblem(404)
            .WithSummary("Lists messages, newest first; with ?deleted=true those that can be restored");
        accounts.MapGet("/{address}/messages/{uid}", GetAsync).Produces(200, contentType: MessageType)
            .ProducesValidationProblem().ProducesProblem(404)
            .WithSummary("Gives a message as a client would get it");
        accounts.MapPost("/{address}/messages/{uid}/restore", RestoreAsync).Produces<RestoreAnswer>()
            .ProducesValidationProblem().ProducesProblem(404)
            .WithSummary("Puts a deleted message back, under a new uid");
        accounts.MapGet("/{address}/export", ExportAsync).Produces(200, contentType: MboxWriter.MediaType)
            .ProducesValidationProblem().ProducesProblem(404)
            .WithSummary("Gives all messages as one mbox file (mboxrd), oldest first");
        accounts.MapPost("/{address}/import", MessageImport.PostAsync)
            .Accepts<Stream>(MboxWriter.MediaType, MessageType).Produces<ImportAnswer>()
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(415).ProducesProblem(503)
            .WithSummary("Puts the messages of an mbox file, or a single message, into the mailbox");
    }

    private static async Task<IResult> ListAsync(
        string address, [AsParameters] PageQuery query, QueryFlag? deleted, AccountResource accounts, IMailboxArchive archive,
        CancellationToken cancellationToken)
    {
        uint before = 0;
        if (query.Position is { } position && !TryReadUid(position, out before))
        {
            return ApiProblems.Invalid("continuation", Continuation.Malformed);
        }

        var (account, fault) = await accounts.FindAsync(address, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        var page = await archive.ListAsync(account.MailboxId, deleted is { Value: true }, query.Top, before == 0
            ? null
            : before, cancellationToken);
        return TypedResults.Ok(query.Answer<MessageAnswer>([.. page.Items.Select(MessageAnswer.Of)], page.Continuation));
    }

    private static async Task<IResult> GetAsync(
        string address, string uid, HttpResponse response, AccountResource accounts, IMailboxArchive archive,
        CancellationToken cancellationToken)
    {
        var (account, number, fault) = await FindAsync(address, uid, accounts, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        if (await archive.FindAsync(account.MailboxId, number, cancellationToken) is not { } entry
            || await archive.OpenAsync(entry, cancellationToken) is not { } content)
        {
            return ApiProblems.NotFound($"There is no message {number} in the mailbox, nor among its deleted ones.");
        }

        response.RegisterForDisposeAsync(content);
        response.ContentLength = content.Size;
        return TypedResults.Stream(body => CopyAsync(content, body, cancellationToken), MessageType, $"{number}.eml");
    }

    private static async Task CopyAsync(IMaildropContent content, Stream body, CancellationToken cancellationToken)
    {
        while (await content.ReadAsync(cancellationToken) is { IsEmpty: false } piece)
        {
            await body.WriteAsync(piece, cancellationToken);
        }
    }

    private static async Task<IResult> RestoreAsync(
        string address, string uid, AccountResource accounts, IMailboxArchive archive, CancellationToken cancellationToken)
    {
        var (account, number, fault) = await FindAsync(address, uid, accounts, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        return await archive.RestoreAsync(account.MailboxId, number, cancellationToken) is { } restored
            ? TypedResults.Ok(new RestoreAnswer(restored))
            : ApiProblems.NotFound($"There is no deleted message {number}.");
    }

    private static async Task<IResult> ExportAsync(
        string address, AccountResource accounts, IMailboxArchive archive, CancellationToken cancellationToken)
    {
        var (account, fault) = await accounts.FindAsync(address, cancellationToken);
        return account is null
            ? fault!
            : TypedResults.Stream(
                body => MboxWriter.WriteAsync(archive, account.MailboxId, body, cancellationToken),
                MboxWriter.MediaType,
                account.Address.ToCanonicalString() + ".mbox");
    }

    private static async Task<(AccountEntry? Account, uint Uid, IResult? Fault)> FindAsync(
        string address, string uid, AccountResource accounts, CancellationToken cancellationToken)
    {
        if (!TryReadUid(uid, out var number))
        {
            return (null, 0, ApiProblems.Invalid("uid", "This is not the uid of a message: a number from 1."));
        }

        var (account, fault) = await accounts.FindAsync(address, cancellationToken);
        return (account, number, fault);
    }

    private static bool TryReadUid(string text, out uint uid) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uid) && uid > 0;
}
