using System.Net;
using System.Text;
using MailFunctions.Functions.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace MailFunctions.Functions.Tests.Hosting;

/// <summary>The custom handler contract from the handler's side, over HTTP.</summary>
public sealed class TriggerInvocationTests
{
    [Theory]
    [InlineData("""{"Data":{"mail":"\"{\\\"v\\\":1}\""},"Metadata":{}}""", """{"v":1}""")] // as the host sends it
    [InlineData("""{"Data":{"mail":"{\"v\":1}"},"Metadata":{}}""", """{"v":1}""")]
    [InlineData("""{"Data":{"mail":{"v":1}},"Metadata":{"mail":"other"}}""", """{"v":1}""")]
    [InlineData("""{"Data":{"mail":"plain"}}""", "plain")]
    [InlineData("""{"Data":{"mail":"\"unfinished"}}""", "\"unfinished")]
    public async Task Invoke_DataInAnyEncoding_ReachesTheFunctionDecoded(string body, string expected)
    {
        string? got = null;
        var (status, answer) = await InvokeAsync(body, data =>
        {
            got = Encoding.UTF8.GetString(data.Span);
            return new TriggerResult.Succeeded("done");
        });

        Assert.Equal(expected, got);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("""{"Outputs":{},"Logs":["done"],"ReturnValue":null}""", answer);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"Data":{}}""")]
    [InlineData("""{"Metadata":{"mail":"{}"}}""")] // Metadata is not trusted
    public async Task Invoke_WithoutItsData_FailsAndTheFunctionDoesNotRun(string body)
    {
        var (status, _) = await InvokeAsync(body, _ => throw new InvalidOperationException("It ran."));

        Assert.Equal(HttpStatusCode.InternalServerError, status);
    }

    [Fact]
    public async Task Invoke_Failure_IsNoSuccessAndSaysWhy()
    {
        var (status, answer) = await InvokeAsync("""{"Data":{"mail":"x"}}""", _ => new TriggerResult.Failed("because"));

        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Contains("because", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 403)]
    [InlineData(true, 200)]
    public async Task Call_WithoutTheHostsField_IsRefused(bool withField, int expected)
    {
        await using var app = await StartAsync(_ => new TriggerResult.Succeeded());
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, Address(app) + "/Test") { Content = new StringContent("""{"Data":{"mail":"x"}}""") };
        if (withField)
        {
            request.Headers.Add(HostGuard.InvocationIdField, "1");
        }

        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(expected, (int)answer.StatusCode);
    }

    internal static async Task<(HttpStatusCode Status, string Answer)> InvokeAsync(string body, Func<ReadOnlyMemory<byte>, TriggerResult> run)
    {
        await using var app = await StartAsync(run);
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Add(HostGuard.InvocationIdField, "1");
        using var answer = await http.PostAsync(Address(app) + "/Test", new StringContent(body), TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<WebApplication> StartAsync(Func<ReadOnlyMemory<byte>, TriggerResult> run)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddProblemDetails();
        var app = builder.Build();
        app.UseMiddleware<HostGuard>();
        app.MapTrigger("Test", "mail", (data, _) => Task.FromResult(run(data)));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static string Address(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();
}
