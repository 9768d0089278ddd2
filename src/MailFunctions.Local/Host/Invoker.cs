using System.Text.Json;

namespace MailFunctions.Local.Host;

/// <summary>What an invocation came to.</summary>
internal sealed record InvocationResult(bool Succeeded, string? Fault);

/// <summary>Calls trigger functions on the handler.</summary>
internal sealed partial class Invoker(FunctionApp app, HandlerProcess handler, TimeProvider time, ILogger<Invoker> logger) : IDisposable
{
    public const string InvocationIdField = "X-Azure-Functions-InvocationId";
    public const string HostVersionField = "X-Azure-Functions-HostVersion";

    /// <summary>The version of the real host whose behaviour this one shows.</summary>
    public const string HostVersion = "4.1037.0.0";

    private static readonly TimeSpan EndNotice = TimeSpan.FromSeconds(1);
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30) })
    {
        Timeout = Timeout.InfiniteTimeSpan, // the function timeout bounds it
        MaxResponseContentBufferSize = 10 * 1024 * 1024,
    };

    /// <summary>Sends one invocation and reads its answer; never throws but for <paramref name="stopping"/>.</summary>
    public async Task<InvocationResult> InvokeAsync(string function, byte[] payload, CancellationToken stopping)
    {
        RunningHandler running;
        try
        {
            running = await handler.RunningAsync(stopping);
        }
        catch (HandlerEndedException e)
        {
            return new InvocationResult(false, e.Message);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping, running.Ended);
        using var timer = time.CreateTimer(_ => limit.Cancel(), null, app.FunctionTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(running.Address, function)) { Content = new ChunkedContent(payload) };
            request.Headers.TransferEncodingChunked = true;
            request.Headers.Add(InvocationIdField, Guid.NewGuid().ToString());
            request.Headers.Add(HostVersionField, HostVersion);
            using var response = await _http.SendAsync(request, limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                return new InvocationResult(false, $"The handler answered {(int)response.StatusCode}.");
            }

            var body = await response.Content.ReadAsByteArrayAsync(limit.Token);
            return await ReadAsync(function, body, limit.Token);
        }
        catch (HttpRequestException e)
        {
            // Until its end is noticed the messages given back would come again at once, and spend their deliveries.
            await Task.Delay(EndNotice, time, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new InvocationResult(false, $"The handler went away: {e.Message}");
        }
        catch (OperationCanceledException) when (running.Ended.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            return new InvocationResult(false, "The handler ended.");
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            handler.KillForTimeout(running.ProcessId);
            return new InvocationResult(false, $"'{function}' did not end within {app.FunctionTimeout}.");
        }
    }

    private async Task<InvocationResult> ReadAsync(string function, byte[] body, CancellationToken limit)
    {
        try
        {
            using var answer = body.Length == 0 ? null : JsonDocument.Parse(body);
            if (answer is null || answer.RootElement.ValueKind == JsonValueKind.Null)
            {
                // An empty answer is no answer: the real host waits for ever, so this one does.
                Log.EmptyAnswer(logger, function);
                await Task.Delay(Timeout.InfiniteTimeSpan, limit);
            }

            if (answer!.RootElement.ValueKind != JsonValueKind.Object)
            {
                return new InvocationResult(false, "The handler's answer is no JSON object.");
            }

            foreach (var member in answer.RootElement.EnumerateObject())
            {
                if (member.Name.Equals("logs", StringComparison.OrdinalIgnoreCase) && member.Value.ValueKind == JsonValueKind.Array)
                {
                    foreach (var line in member.Value.EnumerateArray())
                    {
                        Log.FunctionLog(logger, function, line.ToString());
                    }
                }
            }

            return new InvocationResult(true, null);
        }
        catch (JsonException)
        {
            return new InvocationResult(false, "The handler's answer is not JSON.");
        }
    }

    public void Dispose() => _http.Dispose();

    private static partial class Log
    {
        [LoggerMessage(2210, LogLevel.Warning, "'{Function}' answered without a body: the invocation hangs until the function timeout", EventName = "EmptyAnswer")]
        public static partial void EmptyAnswer(ILogger logger, string function);

        [LoggerMessage(2211, LogLevel.Information, "{Function}: {Line}", EventName = "FunctionLog")]
        public static partial void FunctionLog(ILogger logger, string function, string line);
    }
}
