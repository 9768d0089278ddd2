using System.Globalization;
using System.Text.Json;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Functions.Hosting;

namespace MailFunctions.Functions.Queues;

/// <summary>A dead letter: why it is one, and of `mail-inbound` also whose message it is.</summary>
internal sealed record DeadLetterAnswer(
    long Sequence,
    string BusMessageId,
    DateTimeOffset EnqueuedAt,
    int DeliveryCount,
    string? Reason,
    string? Description,
    string? MessageId,
    string? MailFrom,
    IReadOnlyList<string>? Recipients);

/// <summary>What was done by a filter.</summary>
/// <param name="More">There are more that match: call again.</param>
internal sealed record DeadLettersDone(int Done, bool More);

/// <summary>`/api/queues/{queue}/dead-letters`.</summary>
internal static class DeadLetters
{
    private const int MaxRecipients = 20;

    /// <summary>How many one call by filter takes: each is received by itself.</summary>
    private const int MaxByFilter = 100;

    public static void MapDeadLetters(this IEndpointRouteBuilder queues)
    {
        queues.MapGet("/{queue}/dead-letters", ListAsync).Produces<ListAnswer<DeadLetterAnswer>>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Lists dead letters with their reasons, of one reason with ?reason=");
        queues.MapPost("/{queue}/dead-letters/resubmit", (string queue, HttpRequest request, IDeadLetters letters, CancellationToken cancellationToken) =>
                ByFilterAsync(queue, request, letters, letters.ResubmitAsync, cancellationToken))
            .Produces<DeadLettersDone>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Resubmits up to 100 dead letters of the reason that ?reason= gives");
        queues.MapPost("/{queue}/dead-letters/{sequence}/resubmit", (string queue, string sequence, IDeadLetters letters, CancellationToken cancellationToken) =>
                OneAsync(queue, sequence, letters.ResubmitAsync, cancellationToken))
            .Produces(204).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503).WithSummary("Puts a dead letter back into its queue");
        queues.MapDelete("/{queue}/dead-letters", (string queue, HttpRequest request, IDeadLetters letters, CancellationToken cancellationToken) =>
                ByFilterAsync(queue, request, letters, letters.DeleteAsync, cancellationToken))
            .Produces<DeadLettersDone>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Deletes up to 100 dead letters of the reason that ?reason= gives");
        queues.MapDelete("/{queue}/dead-letters/{sequence}", (string queue, string sequence, IDeadLetters letters, CancellationToken cancellationToken) =>
                OneAsync(queue, sequence, letters.DeleteAsync, cancellationToken))
            .Produces(204).ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503).WithSummary("Deletes a dead letter");
    }

    private static async Task<IResult> ListAsync(string queue, HttpRequest request, IDeadLetters letters, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        var from = 0L;
        if (continuation is not null && !TryReadSequence(continuation, out from))
        {
            return ApiProblems.Invalid("continuation", "Use the value of the page before, or none.");
        }

        if (!QueuesFunction.Names.Contains(queue))
        {
            return NoQueue(queue);
        }

        var page = await letters.PeekAsync(queue, from, top, cancellationToken);
        var items = page.Where(l => Matches(l, request)).Select(Answer).ToList();
        return TypedResults.Ok(new ListAnswer<DeadLetterAnswer>(
            items, page.Count == 0 ? null : (page[^1].SequenceNumber + 1).ToString(CultureInfo.InvariantCulture)));
    }

    private static async Task<IResult> ByFilterAsync(
        string queue, HttpRequest request, IDeadLetters letters, Func<string, long, CancellationToken, Task<bool>> act, CancellationToken cancellationToken)
    {
        if (request.Query["reason"] is not [{ Length: > 0 }, ..])
        {
            return ApiProblems.Invalid("reason", "Name the reason of those that are meant.");
        }

        if (!QueuesFunction.Names.Contains(queue))
        {
            return NoQueue(queue);
        }

        var (from, done) = (0L, 0);
        while (await letters.PeekAsync(queue, from, MaxByFilter, cancellationToken) is { Count: > 0 } page)
        {
            foreach (var letter in page.Where(l => Matches(l, request)))
            {
                if (done == MaxByFilter)
                {
                    return TypedResults.Ok(new DeadLettersDone(done, More: true));
                }

                done += await act(queue, letter.SequenceNumber, cancellationToken) ? 1 : 0;
            }

            from = page[^1].SequenceNumber + 1;
        }

        return TypedResults.Ok(new DeadLettersDone(done, More: false));
    }

    private static async Task<IResult> OneAsync(
        string queue, string sequence, Func<string, long, CancellationToken, Task<bool>> act, CancellationToken cancellationToken)
    {
        if (!TryReadSequence(sequence, out var number))
        {
            return ApiProblems.Invalid("sequence", "This is not a sequence number.");
        }

        if (!QueuesFunction.Names.Contains(queue))
        {
            return NoQueue(queue);
        }

        return await act(queue, number, cancellationToken) ? TypedResults.NoContent() : ApiProblems.NotFound($"There is no dead letter {number}.");
    }

    private static bool Matches(DeadLetter letter, HttpRequest request) =>
        request.Query["reason"] is not [{ Length: > 0 } reason, ..] || string.Equals(letter.Reason, reason, StringComparison.OrdinalIgnoreCase);

    private static DeadLetterAnswer Answer(DeadLetter letter)
    {
        InboundEnvelope? envelope = null;
        try
        {
            envelope = JsonSerializer.Deserialize(letter.Body.Span, EnvelopeJson.Default.InboundEnvelope);
        }
        catch (JsonException)
        {
            // That may be why it is here; or it is no message but a job's alarm clock.
        }

        return new DeadLetterAnswer(
            letter.SequenceNumber, letter.MessageId, letter.EnqueuedAt, letter.DeliveryCount, letter.Reason, letter.Description,
            envelope?.Id, envelope?.MailFrom?.Address, envelope?.Recipients?.Take(MaxRecipients).Select(r => r.Address).ToList());
    }

    private static bool TryReadSequence(string text, out long sequence) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out sequence);

    private static IResult NoQueue(string queue) => ApiProblems.NotFound($"There is no queue '{queue}': {string.Join(", ", QueuesFunction.Names)}.");
}
