using System.CommandLine;
using System.Net;
using System.Text;
using MailFunctions.Local.Admin;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace MailFunctions.Local.Tests.Admin;

/// <summary>An API that keeps what it was asked and answers as told; commands are run in this process against it.</summary>
internal sealed class StubApi : IAsyncDisposable
{
    public const string Key = "the-key";

    private readonly WebApplication _app;
    private readonly Queue<(int Status, string Type, string Body)> _answers = new();

    private StubApi(WebApplication app) => _app = app;

    /// <summary>`METHOD path?query body`, with `If-None-Match` where there is one.</summary>
    public List<string> Asked { get; } = [];

    public string Url => _app.Urls.First();

    public static async Task<StubApi> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var stub = new StubApi(app);
        app.Run(stub.AnswerAsync);
        await app.StartAsync();
        return stub;
    }

    /// <summary>The next answer; without one it is an empty object.</summary>
    public StubApi Answers(string body, int status = 200, string? type = null)
    {
        _answers.Enqueue((status, type ?? (status < 400 ? "application/json" : "application/problem+json"), body));
        return this;
    }

    private async Task AnswerAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var query = Uri.UnescapeDataString(http.Request.QueryString.Value ?? "");
        var asked = $"{http.Request.Method} {http.Request.Path}{query} {await reader.ReadToEndAsync()}".Trim();
        Asked.Add(asked + (http.Request.Headers.IfNoneMatch.Count > 0 ? " If-None-Match: " + http.Request.Headers.IfNoneMatch : ""));
        var (status, type, body) = http.Request.Headers["x-functions-key"] != Key ? (401, "text/plain", "")
            : _answers.TryDequeue(out var next) ? next
            : (200, "application/json", "{}");
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(body));
    }

    public Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments) =>
        InvokeAsync([.. arguments, "--url", Url, "--key", Key]);

    public static async Task<(int Code, string Output, string Errors)> InvokeAsync(string[] arguments)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        var code = await AdminCommand.Create()
            .Parse(arguments).InvokeAsync(new InvocationConfiguration { Output = output, Error = errors });
        return (code, output.ToString(), errors.ToString());
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
