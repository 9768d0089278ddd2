using System.Diagnostics;
using System.Text;
using System.Text.Json;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Functions.Hosting;

/// <summary>What a trigger's work came to.</summary>
internal abstract record TriggerResult
{
    /// <summary>The bus message is completed.</summary>
    public sealed record Succeeded(string? Log = null) : TriggerResult;

    /// <summary>The bus message is abandoned and comes again, until its delivery count is spent.</summary>
    public sealed record Failed(string Reason) : TriggerResult;
}

/// <summary>
/// The custom handler contract for triggers that are not HTTP: `POST /{function}` with `Data` and `Metadata`, answered
/// with a JSON object, because the host waits for ever after an empty 200 (custom handler contract, "Answers").
/// </summary>
internal static class TriggerInvocation
{
    /// <summary>A bus message has 256 KB at most; encoded twice and with its metadata it stays below this.</summary>
    private const int MaxRequestOctets = 4 * 1024 * 1024;

    /// <summary>Values are encoded as JSON within a JSON string, once or twice.</summary>
    private const int MaxEncodings = 3;

    /// <summary>Maps a trigger function whose only input is <paramref name="binding"/>.</summary>
    public static void MapTrigger(
        this IEndpointRouteBuilder routes, string function, string binding, Func<ReadOnlyMemory<byte>, CancellationToken, Task<TriggerResult>> run) =>
        routes.MapPost("/" + function, (RequestDelegate)(http => AnswerAsync(http, function, binding, run))).ExcludeFromDescription();

    private static async Task AnswerAsync(HttpContext http, string function, string binding, Func<ReadOnlyMemory<byte>, CancellationToken, Task<TriggerResult>> run)
    {
        TriggerResult result;
        try
        {
            var (data, traceParent) = await ReadAsync(http.Request, binding);
            result = data is { } body
                ? await RunAsync(function, traceParent, body, run, http.RequestAborted)
                : new TriggerResult.Failed($"The request has no Data.{binding}.");
        }
        catch (Exception e) when (e is JsonException or BadHttpRequestException)
        {
            result = new TriggerResult.Failed($"The request is no invocation: {e.Message}");
        }

        var (status, log) = result switch
        {
            TriggerResult.Failed failed => (StatusCodes.Status500InternalServerError, failed.Reason),
            TriggerResult.Succeeded succeeded => (StatusCodes.Status200OK, succeeded.Log),
            _ => throw new InvalidOperationException(result.GetType().Name),
        };
        http.Response.StatusCode = status;
        await http.Response.WriteAsJsonAsync(
            new TriggerAnswer(new Dictionary<string, string>(), log is null ? [] : [log], null), HostingJson.Default.TriggerAnswer, cancellationToken: http.RequestAborted);
    }

    private static async Task<TriggerResult> RunAsync(
        string function, string? traceParent, ReadOnlyMemory<byte> data, Func<ReadOnlyMemory<byte>, CancellationToken, Task<TriggerResult>> run, CancellationToken cancellationToken)
    {
        using var span = MailSpans.Continue(function, ActivityKind.Consumer, traceParent);
        var result = await run(data, cancellationToken);
        span?.SetStatus(result is TriggerResult.Failed ? ActivityStatusCode.Error : ActivityStatusCode.Unset);
        return result;
    }

    private static async Task<(ReadOnlyMemory<byte>? Data, string? TraceParent)> ReadAsync(HttpRequest request, string binding)
    {
        if (request.HttpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxRequestOctets;
        }

        using var body = await JsonDocument.ParseAsync(request.Body, new JsonDocumentOptions { MaxDepth = 32 }, request.HttpContext.RequestAborted);
        // Data alone: members of the message's own body overwrite Metadata.
        return Member(body.RootElement, "Data") is { } data && Member(data, binding) is { } value
            ? (Decode(value), TraceParent(body.RootElement))
            : (null, null);
    }

    /// <summary>
    /// The sender's span, which the bus message has as a property. Of Metadata nothing else is used: were it made up, a span
    /// would hang in another trace, and nothing more.
    /// </summary>
    private static string? TraceParent(JsonElement invocation) =>
        Member(invocation, "Metadata") is { } metadata && Member(metadata, "ApplicationProperties") is { } properties
        && Member(properties, "Diagnostic-Id") is { ValueKind: JsonValueKind.String } id
            ? Encoding.UTF8.GetString(Decode(id).Span)
            : null;

    private static JsonElement? Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var member) ? member : null;

    private static ReadOnlyMemory<byte> Decode(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            return Encoding.UTF8.GetBytes(value.GetRawText());
        }

        var text = value.GetString()!;
        for (var i = 1; i < MaxEncodings && text.StartsWith('"'); i++)
        {
            try
            {
                text = JsonSerializer.Deserialize(text, HostingJson.Default.String) ?? "";
            }
            catch (JsonException)
            {
                break; // a body that merely begins with a quote
            }
        }

        return Encoding.UTF8.GetBytes(text);
    }
}

/// <summary>The answer to the host.</summary>
internal sealed record TriggerAnswer(IReadOnlyDictionary<string, string> Outputs, IReadOnlyList<string> Logs, string? ReturnValue);
