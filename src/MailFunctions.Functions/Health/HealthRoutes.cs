using System.Diagnostics;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Health;

/// <summary>The state of the system as the function app sees it.</summary>
internal sealed record HealthAnswer(string Status, IReadOnlyList<DependencyAnswer> Dependencies);

/// <summary>One thing the system stands on. Fault texts name no address and no key: they are public.</summary>
internal sealed record DependencyAnswer(string Name, string Status, double Milliseconds, string? Fault = null);

/// <summary>`GET /api/health`: 200 when mail can flow, 503 when not.</summary>
internal static class HealthRoutes
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public static void MapHealth(this IEndpointRouteBuilder routes) => routes.MapGet("/api/health", GetAsync)
        .WithTags("Health").Produces<HealthAnswer>().Produces<HealthAnswer>(503).WithSummary("Shows whether mail can flow");

    private static async Task<IResult> GetAsync(
        IMessageStore blobs, IDirectoryReader tables, IBusMonitor bus, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        var dependencies = await Task.WhenAll(
            AskAsync("blobs", async () =>
            {
                await using var none = await blobs.OpenReadAsync("health", 0, limit.Token);
            }, cancellationToken),
            AskAsync("tables", async () => await tables.FindDomainAsync("health.invalid", limit.Token), cancellationToken),
            AskAsync("bus", async () => await bus.CountAsync(QueueNames.Inbound, limit.Token), cancellationToken));
        var healthy = dependencies.All(d => d.Fault is null);
        var answer = new HealthAnswer(healthy ? "healthy" : "unhealthy", dependencies);
        return TypedResults.Json(answer, statusCode: healthy ? 200 : 503);
    }

    private static async Task<DependencyAnswer> AskAsync(string name, Func<Task> ask, CancellationToken asked)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            await ask();
            return new DependencyAnswer(name, "healthy", Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 1));
        }
        catch (Exception e) when (e is StoreUnavailableException or BusUnavailableException
            || (e is OperationCanceledException && !asked.IsCancellationRequested))
        {
            return new DependencyAnswer(
                name, "unhealthy", Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 1), "It can't be reached.");
        }
    }
}
