using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>
/// Stands before a storage service and hands every call on, noting which table or container was read or written: what
/// an identity needs rights to.
/// </summary>
internal sealed partial class StorageWatch : IAsyncDisposable
{
    private static readonly string[] OfTheConnection = ["Connection", "Transfer-Encoding", "Host", "Keep-Alive"];

    private readonly WebApplication _app;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Uri _storage;

    private StorageWatch(Uri storage)
    {
        _storage = storage;
        _app = LoopbackServer.Create(HandOnAsync);
    }

    public ConcurrentDictionary<string, byte> Read { get; } = new();

    public ConcurrentDictionary<string, byte> Written { get; } = new();

    public ConcurrentDictionary<string, byte> Deleted { get; } = new();

    /// <summary>From now on nothing that is read is there.</summary>
    public bool LosesEverything { get; set; }

    /// <summary>Where callers go to.</summary>
    public int Port => new Uri(_app.Urls.First()).Port;

    public static async Task<StorageWatch> StartAsync(Uri storage)
    {
        var watch = new StorageWatch(storage);
        await watch._app.StartAsync();
        return watch;
    }

    private async Task HandOnAsync(HttpContext http)
    {
        var target = new Uri(_storage, http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget);
        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), target);
        var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        Note(http.Request.Method, target, body.ToArray());
        if (LosesEverything && http.Request.Method == "GET")
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            http.Response.Headers["x-ms-error-code"] = "BlobNotFound";
            return;
        }

        request.Content = new ByteArrayContent(body.ToArray());
        foreach (var (name, values) in http.Request.Headers)
        {
            if (!OfTheConnection.Contains(name, StringComparer.OrdinalIgnoreCase)
                && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, http.RequestAborted);
        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers)
            .Where(h => !OfTheConnection.Contains(h.Key, StringComparer.OrdinalIgnoreCase)))
        {
            http.Response.Headers[name] = values.ToArray();
        }

        await answer.Content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private void Note(string method, Uri target, byte[] body)
    {
        var name = target.Segments.ElementAtOrDefault(2)?.Split('(')[0].Trim('/') ?? "";
        if (name == "$batch")
        {
            foreach (Match part in BatchPart().Matches(Encoding.UTF8.GetString(body)))
            {
                Note(part.Groups["method"].Value, part.Groups["name"].Value);
            }
        }
        else
        {
            Note(method, name);
        }
    }

    private void Note(string method, string name) => (method switch
    {
        "GET" or "HEAD" => Read,
        "DELETE" => Deleted,
        _ => Written,
    }).TryAdd(name, 0);

    [GeneratedRegex(@"^(?<method>GET|POST|PUT|PATCH|MERGE|DELETE) https?://[^/]+/[^/]+/(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex BatchPart();

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }
}
