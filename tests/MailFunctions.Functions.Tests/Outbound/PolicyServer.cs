using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Tls;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>A web server on loopback that answers every path with what the test says.</summary>
internal sealed class PolicyServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stopping = new();

    private PolicyServer(WebApplication app) => _app = app;

    public string Answer { get; set; } = "";

    public string ContentType { get; set; } = "text/plain";

    public int Status { get; set; } = 200;

    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    public bool Hangs { get; set; }

    public ConcurrentQueue<string> Requests { get; } = [];

    public static async Task<PolicyServer> StartAsync(X509Certificate2 certificate)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(certificate)));
        var server = new PolicyServer(builder.Build());
        server._app.Run(server.AnswerAsync);
        await server._app.StartAsync();
        return server;
    }

    /// <summary>The handler of the code, but that every name is this server, and that other authorities are trusted.</summary>
    public SocketsHttpHandler CreateHandler(X509Certificate2Collection authorities)
    {
        var handler = StsFetcher.CreateHandler(new RelayOptions());
        handler.ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        };
        return Trusting(handler, authorities);
    }

    /// <summary>The handler of the code, but that other authorities are trusted.</summary>
    public static SocketsHttpHandler Trusting(SocketsHttpHandler handler, X509Certificate2Collection authorities)
    {
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        return handler;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Requests.Enqueue($"{context.Request.Method} {context.Request.Host}{context.Request.Path}");
        if (Hangs)
        {
            await Task.Delay(Timeout.Infinite, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        context.Response.StatusCode = Status;
        context.Response.ContentType = ContentType;
        context.Response.Headers.Location = "https://mta-sts.one.test/elsewhere";
        await context.Response.WriteAsync(Answer);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _app.DisposeAsync();
        _stopping.Dispose();
    }
}
