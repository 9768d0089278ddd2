using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;

namespace MailFunctions.Edge.Health;

/// <summary>
/// `/healthz/live`: the process answers. `/healthz/ready`: it takes new sessions, its work met no failure in the last
/// seconds, and directory, messages and bus answer. They are asked at most every few seconds, so that probes cost nothing,
/// and one that hangs does not make the answer hang.
/// </summary>
internal sealed class EdgeHealth(
    IDirectoryStore directory,
    IBusSender bus,
    Backends backends,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    IMessageStore? messages = null)
{
    /// <summary>Probes wait a second: Container Apps by default, load balancers not much longer.</summary>
    public static readonly TimeSpan AnswersWithin = TimeSpan.FromMilliseconds(800);

    private static readonly TimeSpan AskedEvery = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Asked[] _asked =
    [
        new("the directory", token => directory.FindDomainAsync("health.invalid", token).AsTask()),
        new("the messages' storage", token => ReadAsync(messages, token)),
        new("the bus", token => bus.OpenAsync(QueueNames.Inbound, token)),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz/live", () => TypedResults.Text("live"));
        routes.MapGet("/healthz/ready", async (EdgeHealth health) => await health.FaultAsync() is { } fault
            ? Results.Text(fault, statusCode: StatusCodes.Status503ServiceUnavailable)
            : Results.Text("ready"));
    }

    /// <summary>Null when ready, else what is missing.</summary>
    private async Task<string?> FaultAsync()
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return "draining";
        }

        var answers = Ask();
        await Task.WhenAny(Task.WhenAll(answers), Task.Delay(AnswersWithin, time));
        return _asked.Zip(answers)
            .Select(a => a.Second.IsCompletedSuccessfully ? a.Second.Result : $"{a.First.Name} can't be reached: no answer yet")
            .FirstOrDefault(fault => fault is not null) ?? backends.Fault;
    }

    private Task<string?>[] Ask()
    {
        lock (_lock)
        {
            foreach (var one in _asked)
            {
                if (one.Answer is null || (one.Answer.IsCompleted && time.GetElapsedTime(one.At) > AskedEvery))
                {
                    (one.Answer, one.At) = (AskAsync(one), time.GetTimestamp());
                }
            }

            return [.. _asked.Select(a => a.Answer!)];
        }
    }

    private async Task<string?> AskAsync(Asked one)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            await one.Ask(limit.Token);
            return null;
        }
        catch (Exception e) when (e is StoreUnavailableException or BusUnavailableException)
        {
            return $"{one.Name} can't be reached: {e.Message}";
        }
        catch (OperationCanceledException)
        {
            return $"{one.Name} can't be reached: no answer within {Limit.TotalSeconds} s";
        }
    }

    /// <summary>A blob that is not there: no octets, and the answer of the service all the same.</summary>
    private static async Task ReadAsync(IMessageStore? messages, CancellationToken cancellationToken)
    {
        if (messages is not null)
        {
            await using var none = await messages.OpenReadAsync("health", 0, cancellationToken);
        }
    }

    private sealed class Asked(string name, Func<CancellationToken, Task> ask)
    {
        public string Name => name;

        public Func<CancellationToken, Task> Ask => ask;

        public Task<string?>? Answer { get; set; }

        public long At { get; set; }
    }
}
