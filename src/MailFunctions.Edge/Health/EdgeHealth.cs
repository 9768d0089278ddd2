using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;

namespace MailFunctions.Edge.Health;

/// <summary>
/// `/healthz/live`: the process answers. `/healthz/ready`: it takes new sessions and reaches directory and bus, asked at
/// most every few seconds, so that probes cost nothing.
/// </summary>
internal sealed class EdgeHealth(IDirectoryStore directory, IBusSender bus, IHostApplicationLifetime lifetime, TimeProvider time)
{
    private static readonly TimeSpan AskedEvery = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<string?>? _asked;
    private long _askedAt;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz/live", () => TypedResults.Text("live"));
        routes.MapGet("/healthz/ready", async (EdgeHealth health) => await health.FaultAsync() is { } fault
            ? Results.Text(fault, statusCode: StatusCodes.Status503ServiceUnavailable)
            : Results.Text("ready"));
    }

    /// <summary>Null when ready, else what is missing.</summary>
    private Task<string?> FaultAsync()
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return Task.FromResult<string?>("draining");
        }

        lock (_lock)
        {
            if (_asked is null || (_asked.IsCompleted && time.GetElapsedTime(_askedAt) > AskedEvery))
            {
                (_asked, _askedAt) = (AskAsync(), time.GetTimestamp());
            }

            return _asked;
        }
    }

    private async Task<string?> AskAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await directory.FindDomainAsync("health.invalid", limit.Token);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            return "the directory can't be reached";
        }

        try
        {
            await bus.OpenAsync(QueueNames.Inbound, limit.Token);
            return null;
        }
        catch (Exception e) when (e is BusUnavailableException or OperationCanceledException)
        {
            return "the bus can't be reached";
        }
    }
}
