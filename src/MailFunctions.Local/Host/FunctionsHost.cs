using System.Net;
using System.Text.Json.Serialization;
using Azure.Messaging.ServiceBus;
using MailFunctions.Local.Host.App;
using MailFunctions.Local.Host.Rpc;
using Yarp.ReverseProxy.Forwarder;

namespace MailFunctions.Local.Host;

/// <summary>The host: the worker's process, the HTTP front, and the triggers.</summary>
internal sealed class FunctionsHost(
    FunctionApp app, FunctionReader reader, HostKeys keys, HostState state, Func<QueueFunction, ServiceBusClient> busFor, TimeProvider time)
{
    /// <summary>What is under way when the host is asked to stop may still end within this.</summary>
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(2);

    /// <summary>Routes of the functions, once the worker has said what they are.</summary>
    private readonly TaskCompletionSource<RequestDelegate> _front = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Runs until cancelled; the exit code.</summary>
    /// <param name="started">Called once the host serves.</param>
    /// <exception cref="FunctionAppException">The app can't be run.</exception>
    public async Task<int> RunAsync(int port, Action started, CancellationToken cancellationToken)
    {
        await using var http = BuildFront(port);
        var loggers = http.Services.GetRequiredService<ILoggerFactory>();
        await StartFrontAsync(http, port, cancellationToken);
        await using var rpc = await FunctionRpcServer.StartAsync(loggers, cancellationToken);
        var worker = new WorkerProcess(app, rpc, time, loggers);
        var invoker = new Invoker(app, worker, time);

        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var aborting = new CancellationTokenSource();
        using var ending = new CancellationTokenSource();
        var supervision = worker.SuperviseAsync(ending.Token);
        var triggers = Task.CompletedTask;
        try
        {
            var first = worker.RunningAsync(stopping.Token);
            await Task.WhenAny(first, supervision);
            if (!first.IsCompletedSuccessfully && !stopping.IsCancellationRequested)
            {
                return await supervision ? 0 : 1;
            }

            if (first.IsCompletedSuccessfully)
            {
                var functions = reader.Read((await first).App.Functions.Values);
                triggers = StartTriggers(functions, http, worker, invoker, stopping.Token, aborting.Token);
                started();
                await Task.WhenAny(supervision, WaitAsync(stopping.Token));
            }

            if (supervision.IsCompleted)
            {
                return await supervision ? 0 : 1;
            }
        }
        finally
        {
            _front.TrySetCanceled(CancellationToken.None);
            await stopping.CancelAsync();
            aborting.CancelAfter(Drain);
            await Task.WhenAny(triggers, Task.Delay(Drain + TimeSpan.FromMilliseconds(500), CancellationToken.None));
            await ending.CancelAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await Task.WhenAll(supervision, http.StopAsync(limit.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return 0;
    }

    private WebApplication BuildFront(int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Information);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Yarp", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning);
        builder.Services.AddRouting();
        builder.Services.AddHttpForwarder();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Limits.MaxRequestBodySize = null; // the worker has its own bounds
            k.Listen(IPAddress.Loopback, port);
        });
        var http = builder.Build();
        http.Run(async context =>
        {
            try
            {
                await (await _front.Task.WaitAsync(context.RequestAborted))(context);
            }
            catch (OperationCanceledException)
            {
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            }
        });
        return http;
    }

    private static async Task StartFrontAsync(WebApplication http, int port, CancellationToken cancellationToken)
    {
        try
        {
            await http.StartAsync(cancellationToken);
        }
        catch (IOException)
        {
            throw new FunctionAppException($"The port {port} is in use: end the program that has it, or choose another.");
        }
    }

    private Task StartTriggers(
        IReadOnlyList<FunctionDefinition> functions,
        WebApplication http,
        WorkerProcess worker,
        Invoker invoker,
        CancellationToken stopping,
        CancellationToken aborting)
    {
        var loggers = http.Services.GetRequiredService<ILoggerFactory>();
        var queues = functions.OfType<QueueFunction>()
            .Select(f => new QueueTrigger(f, app, busFor(f), invoker, loggers.CreateLogger<QueueTrigger>())).ToList();
        var timers = functions.OfType<TimerFunction>().ToDictionary(
            f => f.Name,
            f => new TimerTrigger(f, state, invoker, time, loggers.CreateLogger<TimerTrigger>()),
            StringComparer.OrdinalIgnoreCase);
        var calls = new HttpTriggers(
            app, [.. functions.OfType<HttpFunction>()], keys, worker, invoker, http.Services.GetRequiredService<IHttpForwarder>(), time);
        var front = new ApplicationBuilder(http.Services);
        front.UseRouting();
        front.UseEndpoints(routes =>
        {
            calls.Map(routes);
            MapAdministration(routes, functions, worker, timers, stopping);
        });
        _front.TrySetResult(front.Build());
        return Task.WhenAll([.. queues.Select(q => q.RunAsync(stopping, aborting)), .. timers.Values.Select(t => t.RunAsync(stopping))]);
    }

    private static Task WaitAsync(CancellationToken cancellationToken) =>
        Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken)
            .ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    private void MapAdministration(
        IEndpointRouteBuilder routes,
        IReadOnlyList<FunctionDefinition> functions,
        WorkerProcess worker,
        Dictionary<string, TimerTrigger> timers,
        CancellationToken stopping)
    {
        routes.Map("/admin/host/status", async http =>
        {
            if (!keys.Allow(http.Request, AuthLevel.Admin))
            {
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }

            var status = new HostStatus(
                worker.ProcessId is null ? "Starting" : "Running", FunctionApp.HostVersion, worker.ProcessId,
                [.. functions.Select(f => f.Name)]);
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
internal sealed record HostStatus(string State, string Version, int? WorkerProcessId, IReadOnlyList<string> Functions);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HostStatus))]
internal sealed partial class HostStatusJson : JsonSerializerContext;
