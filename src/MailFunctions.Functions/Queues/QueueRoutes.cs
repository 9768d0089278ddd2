using MailFunctions.Core.Bus;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Queues;

/// <summary>How much waits in a queue, and for how long the oldest of it has.</summary>
internal sealed record QueueAnswer(
    string Name, long Active, long Scheduled, long DeadLettered, DateTimeOffset? OldestEnqueuedAt, double? OldestAgeSeconds);

/// <summary>What waits, and what could not be processed.</summary>
internal static class QueueRoutes
{
    /// <summary>The names that a path may give.</summary>
    public static readonly IReadOnlyList<string> Names = [QueueNames.Inbound, QueueNames.Outbound];

    public static void MapQueues(this IEndpointRouteBuilder routes)
    {
        var queues = routes.MapGroup("/api/queues").WithTags("Queues");
        queues.MapGet("", ListAsync).Produces<ListAnswer<QueueAnswer>>().ProducesProblem(503).WithSummary("Shows what waits in the queues");
        queues.MapDeadLetters();
    }

    private static async Task<IResult> ListAsync(IBusMonitor monitor, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(new ListAnswer<QueueAnswer>(await ReadAsync(monitor, time, cancellationToken), null));

    public static async Task<IReadOnlyList<QueueAnswer>> ReadAsync(
        IBusMonitor monitor, TimeProvider time, CancellationToken cancellationToken)
    {
        var counts = await Task.WhenAll(Names.Select(name => monitor.CountAsync(name, cancellationToken)));
        var now = time.GetUtcNow();
        return
        [
            .. Names.Zip(counts, (name, c) => new QueueAnswer(
                name, c.Active, c.Scheduled, c.DeadLettered, c.OldestEnqueuedAt,
                c.OldestEnqueuedAt is { } oldest ? Math.Round(Math.Max(0, (now - oldest).TotalSeconds), 1) : null)),
        ];
    }
}
