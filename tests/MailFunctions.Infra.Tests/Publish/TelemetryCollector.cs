using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>Takes what is exported by OTLP over HTTP or to Azure Monitor, and keeps it as text.</summary>
internal sealed class TelemetryCollector : IAsyncDisposable
{
    private readonly ConcurrentQueue<(string Path, string Body)> _calls = new();
    private readonly WebApplication _app;

    private TelemetryCollector() => _app = LoopbackServer.Create(TakeAsync);

    public string Endpoint => _app.Urls.First();

    public static async Task<TelemetryCollector> StartAsync()
    {
        var collector = new TelemetryCollector();
        await collector._app.StartAsync();
        return collector;
    }

    public string BodiesOf(string path) => string.Concat(_calls.Where(c => c.Path == path).Select(c => c.Body));

    private async Task TakeAsync(HttpContext http)
    {
        var body = new MemoryStream();
        await using var given = http.Request.Headers.ContentEncoding == "gzip"
            ? new GZipStream(http.Request.Body, CompressionMode.Decompress)
            : http.Request.Body;
        await given.CopyToAsync(body);
        var text = Encoding.UTF8.GetString(body.ToArray());
        _calls.Enqueue((http.Request.Path, text));
        if (http.Request.Path == "/v2.1/track")
        {
            var items = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
            await http.Response.WriteAsJsonAsync(new { itemsReceived = items, itemsAccepted = items, errors = Array.Empty<string>() });
        }
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
