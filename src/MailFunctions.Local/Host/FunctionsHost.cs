using System.Net;
using MailFunctions.Core.Bus;
using Yarp.ReverseProxy.Forwarder;

namespace MailFunctions.Local.Host;

/// <summary>The host: the handler's process, the HTTP front, and the triggers.</summary>
internal sealed class FunctionsHost(
    FunctionApp app, HostKeys keys, HostState state, Func<QueueFunction, IBusReceiverFactory> busFor, TimeProvider time)
{
    /// <summary>What is under way when the host is asked to stop may still end within this.</summary>
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(2);

    /// <summary>Runs until cancelled; the exit code.</summary>
    /// <param name="started">Called once the host serves.</param>
    public async Task<int> RunAsync(int port, Action started, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Information);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Yarp", LogLevel.Warning);
        builder.Services.AddRouting();
        builder.Services.AddHttpForwarder();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Limits.MaxRequestBodySize = null; // the handler has its own bounds
            k.Listen(IPAddress.Loopback, port);
        });
        await using var http = builder.Build();
        var loggers = http.Services.GetRequiredService<ILoggerFactory>();
        using var handler = new HandlerProcess(app, state, time, loggers.CreateLogger<HandlerProcess>());
        using var invoker = new Invoker(app, handler, time, loggers.CreateLogger<Invoker>());
        var timers = app.Functions.OfType<TimerFunction>()
            .ToDictionary(f => f.Name, f => new TimerTrigger(f, state, invoker, time, loggers.CreateLogger<TimerTrigger>()), StringComparer.OrdinalIgnoreCase);

        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var aborting = new CancellationTokenSource();
        using var ending = new CancellationTokenSource();
        http.UseRouting();
        new HttpTriggers(app, keys, handler, http.Services.GetRequiredService<IHttpForwarder>(), time).Map(http);
        MapAdministration(http, handler, timers, stopping.Token);
        try
        {
            await http.StartAsync(cancellationToken);
        }
        catch (IOException)
        {
            throw new FunctionAppException($"The port {port} is in use: end the program that has it, or choose another.");
        }

        state.EndLeftover();
        var supervision = handler.SuperviseAsync(ending.Token);
        var triggers = Task.WhenAll(
        [
            .. app.Functions.OfType<QueueFunction>().Select(f => new QueueTrigger(
                f, app.MaxConcurrentCalls, busFor(f), handler, invoker, time, loggers.CreateLogger<QueueTrigger>()).RunAsync(stopping.Token, aborting.Token)),
            .. timers.Values.Select(t => t.RunAsync(stopping.Token)),
        ]);
        await Task.WhenAny(handler.RunningAsync(stopping.Token), supervision);
        if (!supervision.IsCompleted && !stopping.IsCancellationRequested)
        {
            started();
        }

        await Task.WhenAny(supervision, WaitAsync(stopping.Token));
        var gaveUp = supervision.IsCompleted;
        await stopping.CancelAsync();
        aborting.CancelAfter(Drain);
        await Task.WhenAny(triggers, Task.Delay(Drain + TimeSpan.FromMilliseconds(500), CancellationToken.None));
        await ending.CancelAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Task.WhenAll(supervision, http.StopAsync(limit.Token));
        return gaveUp ? 1 : 0;
    }

    private static Task WaitAsync(CancellationToken cancellationToken) =>
        Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    private void MapAdministration(
        IEndpointRouteBuilder routes, HandlerProcess handler, Dictionary<string, TimerTrigger> timers, CancellationToken stopping)
    {
        routes.Map("/admin/host/status", async http =>
        {
            if (!keys.Allow(http.Request, AuthLevel.Admin))
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }

            var status = new HostStatus(handler.ProcessId is null ? "Starting" : "Running", Invoker.HostVersion, handler.ProcessId, [.. app.Functions.Select(f => f.Name)]);
            await http.Response.WriteAsJsonAsync(status, HostStatusJson.Default.HostStatus, cancellationToken: http.RequestAborted);
        });
        routes.Map("/admin/functions/{name}", async http =>
        {
            var name = (string)http.Request.RouteValues["name"]!;
            if (!keys.Allow(http.Request, AuthLevel.Admin))
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            }
            else if (http.Request.Method != "POST" || !timers.TryGetValue(name, out var timer))
            {
                http.Response.StatusCode = StatusCodes.Status404NotFound; // only timers can be run by hand here
            }
            else
            {
                _ = timer.RunOnceAsync(isPastDue: false, stopping);
                http.Response.StatusCode = StatusCodes.Status202Accepted;
            }
        });
    }
}

/// <summary>`GET /admin/host/status`.</summary>
internal sealed record HostStatus(string State, string Version, int? HandlerProcessId, IReadOnlyList<string> Functions);

[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
[System.Text.Json.Serialization.JsonSerializable(typeof(HostStatus))]
internal sealed partial class HostStatusJson : System.Text.Json.Serialization.JsonSerializerContext;
