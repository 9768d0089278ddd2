using System.Globalization;
using MailFunctions.Core.Bus;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Queues;

/// <summary>A dead letter: why it is one, and whose message it is.</summary>
/// <param name="DeliveryCount">Deliveries to the function.</param>
/// <param name="Reason">`Malformed`, `DeliveryFailed`, or the bus's own word.</param>
/// <param name="Description">What went wrong the last time.</param>
/// <param name="BusReason">The bus's own reason.</param>
internal sealed record DeadLetterAnswer(
    long Sequence,
    string BusMessageId,
    DateTimeOffset EnqueuedAt,
    int DeliveryCount,
    string? Reason,
    string? Description,
    string? BusReason,
    string? MessageId,
    string? MailFrom,
    IReadOnlyList<string>? Recipients);

/// <summary>What was done by a filter.</summary>
/// <param name="More">There are more that match: call again.</param>
internal sealed record DeadLettersDone(int Done, bool More);

/// <summary>`/api/queues/{queue}/dead-letters`.</summary>
internal static class DeadLetterRoutes
{
    private const int ExplainedAtOnce = 8;

    /// <summary>How many one call by filter takes: each is received by itself.</summary>
    private const int MaxByFilter = 100;

    public static void MapDeadLetters(this IEndpointRouteBuilder queues)
    {
        queues.MapGet("/{queue}/dead-letters", ListAsync).Produces<ListAnswer<DeadLetterAnswer>>()
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Lists dead letters with their reasons, of one reason with ?reason=");
        queues.MapPost("/{queue}/dead-letters/resubmit", ResubmitByFilterAsync).Produces<DeadLettersDone>()
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Resubmits up to 100 dead letters of the reason that ?reason= gives");
        queues.MapPost("/{queue}/dead-letters/{sequence}/resubmit", ResubmitAsync).Produces(204)
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Puts a dead letter back into its queue");
        queues.MapDelete("/{queue}/dead-letters", DeleteByFilterAsync).Produces<DeadLettersDone>()
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Deletes up to 100 dead letters of the reason that ?reason= gives");
        queues.MapDelete("/{queue}/dead-letters/{sequence}", DeleteAsync).Produces(204)
            .ProducesValidationProblem().ProducesProblem(404).ProducesProblem(503)
            .WithSummary("Deletes a dead letter");
    }

    private static Task<IResult> ResubmitAsync(string queue, string sequence, IDeadLetters letters, CancellationToken cancellationToken) =>
        OneAsync(queue, sequence, letters.ResubmitAsync, cancellationToken);

    private static Task<IResult> DeleteAsync(string queue, string sequence, IDeadLetters letters, CancellationToken cancellationToken) =>
        OneAsync(queue, sequence, letters.DeleteAsync, cancellationToken);

    private static Task<IResult> ResubmitByFilterAsync(
        string queue, string? reason, IDeadLetters letters, DeadLetterReasons reasons, CancellationToken cancellationToken) =>
        ByFilterAsync(queue, reason, letters, reasons, letters.ResubmitAsync, cancellationToken);

    private static Task<IResult> DeleteByFilterAsync(
        string queue, string? reason, IDeadLetters letters, DeadLetterReasons reasons, CancellationToken cancellationToken) =>
        ByFilterAsync(queue, reason, letters, reasons, letters.DeleteAsync, cancellationToken);

    private static async Task<IResult> ListAsync(
        string queue, string? reason, [AsParameters] PageQuery query, IDeadLetters letters, DeadLetterReasons reasons,
        CancellationToken cancellationToken)
    {
        if (!QueueRoutes.Names.Contains(queue))
        {
            return NoQueue(queue);
        }

        var from = query.Position is null ? 0 : long.Parse(query.Position, CultureInfo.InvariantCulture);
        var page = await PeekAsync(queue, from, query.Top + 1, letters, cancellationToken);
        var answers = await ExplainAsync(queue, [.. page.Take(query.Top)], reasons, cancellationToken);
        var next = page.Count > query.Top ? (page[query.Top - 1].SequenceNumber + 1).ToString(CultureInfo.InvariantCulture) : null;
        return TypedResults.Ok(query.Answer<DeadLetterAnswer>([.. answers.Where(a => Matches(a, reason))], next));
    }

    /// <summary>So many, or all there are: a peek may give fewer than were asked for, and there are more.</summary>
    private static async Task<List<DeadLetter>> PeekAsync(
        string queue, long from, int count, IDeadLetters letters, CancellationToken cancellationToken)
    {
        var found = new List<DeadLetter>();
        while (found.Count < count && await letters.PeekAsync(queue, from, count - found.Count, cancellationToken) is { Count: > 0 } some)
        {
            found.AddRange(some);
            from = some[^1].SequenceNumber + 1;
        }

        return found;
    }

    private static async Task<DeadLetterAnswer[]> ExplainAsync(
        string queue, IReadOnlyList<DeadLetter> letters, DeadLetterReasons reasons, CancellationToken cancellationToken)
    {
        var answers = new DeadLetterAnswer[letters.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, letters.Count),
            new ParallelOptions { MaxDegreeOfParallelism = ExplainedAtOnce, CancellationToken = cancellationToken },
            async (i, token) => answers[i] = await reasons.ExplainAsync(queue, letters[i], token));
        return answers;
    }

    private static async Task<IResult> ByFilterAsync(
        string queue, string? reason, IDeadLetters letters, DeadLetterReasons reasons,
        Func<string, long, CancellationToken, Task<bool>> act,
        CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(reason))
        {
            return ApiProblems.Invalid("reason", "Name the reason of those that are meant.");
        }

        if (!QueueRoutes.Names.Contains(queue))
        {
            return NoQueue(queue);
        }

        var (from, done) = (0L, 0);
        while (await letters.PeekAsync(queue, from, MaxByFilter, cancellationToken) is { Count: > 0 } page)
        {
            foreach (var letter in (await ExplainAsync(queue, page, reasons, cancellationToken)).Where(l => Matches(l, reason)))
            {
                if (done == MaxByFilter)
                {
                    return TypedResults.Ok(new DeadLettersDone(done, More: true));
                }

                done += await act(queue, letter.Sequence, cancellationToken) ? 1 : 0;
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

        if (!QueueRoutes.Names.Contains(queue))
        {
            return NoQueue(queue);
        }

        return await act(queue, number, cancellationToken)
            ? TypedResults.NoContent()
            : ApiProblems.NotFound($"There is no dead letter {number}.");
    }

    private static bool Matches(DeadLetterAnswer letter, string? reason) =>
        string.IsNullOrEmpty(reason)
        || string.Equals(letter.Reason, reason, StringComparison.OrdinalIgnoreCase)
        || string.Equals(letter.BusReason, reason, StringComparison.OrdinalIgnoreCase);

    private static bool TryReadSequence(string text, out long sequence) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out sequence);

    private static IResult NoQueue(string queue) =>
        ApiProblems.NotFound($"There is no queue '{queue}': {string.Join(", ", QueueRoutes.Names)}.");
}
