using System.Buffers;
using System.IO.Pipelines;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Http.Features;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// `POST /api/accounts/{address}/import`: each message goes straight from the request into a blob of its own and then into
/// the mailbox, as it stands but for line breaks, which become CRLF. Importing a file twice gives its messages twice, and says so; with
/// `?skipKnown=true` it gives them once, so that an import that was cut off goes on where it ended.
/// </summary>
internal static class MessageImport
{
    public static async Task<IResult> PostAsync(
        string address, HttpRequest request, QueryFlag? skipKnown, AccountResource accounts, MessageImporter importer,
        CancellationToken cancellationToken)
    {
        var type = request.GetTypedHeaders().ContentType?.MediaType.Value;
        var single = string.Equals(type, MessageRoutes.MessageType, StringComparison.OrdinalIgnoreCase);
        if (!single && !string.Equals(type, MboxWriter.MediaType, StringComparison.OrdinalIgnoreCase))
        {
            return TypedResults.Problem(
                $"The body has to be {MboxWriter.MediaType} or {MessageRoutes.MessageType}.",
                statusCode: StatusCodes.Status415UnsupportedMediaType);
        }

        var (account, fault) = await accounts.FindAsync(address, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = single ? ImportRun.MaxMessageOctets : null; // each message of a file has its own bound
        }

        var skip = skipKnown is { Value: true };
        var run = await importer.BeginAsync(account, compare: !single || skip, skip, cancellationToken);
        try
        {
            if (single)
            {
                var (breaks, piece) = (new MessageBreaks(), new ArrayBufferWriter<byte>());
                await run.AddAsync(
                    token => ReadOnAsync(request.BodyReader, breaks, piece, token), line: 1, receivedAt: null, cancellationToken);
            }
            else if (!await run.AddAllAsync(new MboxReader(request.BodyReader), cancellationToken))
            {
                return ApiProblems.Invalid(
                    "body", "This is no mbox file: its line 1 is not `From `, a sender, and a date such as `Thu Jan  1 12:00:00 2026`.");
            }
        }
        catch (StoreUnavailableException e)
        {
            return TypedResults.Problem(
                $"{e.Message} Before that, {run.Imported} messages were imported; ?skipKnown=true leaves them out.",
                statusCode: StatusCodes.Status503ServiceUnavailable);
        }

        return TypedResults.Ok(new ImportAnswer(run.Imported, run.Known, run.Skipped, run.Refused, run.Faults));
    }

    /// <summary>The next piece of a body that is one message, some KiB; empty at its end.</summary>
    private static async ValueTask<ReadOnlyMemory<byte>> ReadOnAsync(
        PipeReader body, MessageBreaks breaks, ArrayBufferWriter<byte> piece, CancellationToken cancellationToken)
    {
        piece.ResetWrittenCount();
        var ended = false;
        while (piece.WrittenCount == 0 && !ended)
        {
            var result = await body.ReadAsync(cancellationToken);
            var octets = result.Buffer.First;
            breaks.Copy(octets.Span, piece);
            ended = octets.IsEmpty && result.IsCompleted;
            if (ended)
            {
                breaks.End(piece);
            }

            body.AdvanceTo(result.Buffer.GetPosition(octets.Length));
        }

        return piece.WrittenMemory;
    }
}
