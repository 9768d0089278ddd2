using System.Collections.Concurrent;
using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MailFunctions.Local.Host.Rpc;

/// <summary>Where workers connect: gRPC over HTTP/2 without TLS, on a loopback port of its own.</summary>
internal sealed class FunctionRpcServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, WorkerChannel> _expected = new();

    private FunctionRpcServer(ILoggerFactory loggers)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(new FunctionRpcService(this));
        // A message carries a request's metadata or one bus message; its size is the contract's to bound, not gRPC's 4 MB.
        builder.Services.AddGrpc(o => (o.MaxReceiveMessageSize, o.MaxSendMessageSize) = (null, null));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.Limits.MinRequestBodyDataRate = null; // a stream that is idle is no slow request
            k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2);
        });
        _app = builder.Build();
        _app.UseRouting();
        _app.MapGrpcService<FunctionRpcService>();
    }

    public int Port { get; private set; }

    public static async Task<FunctionRpcServer> StartAsync(ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var server = new FunctionRpcServer(loggers);
        await server._app.StartAsync(cancellationToken);
        var addresses = server._app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>();
        server.Port = new Uri(addresses.Addresses.First()).Port;
        return server;
    }

    /// <summary>Lets the worker of this channel connect, once.</summary>
    public void Expect(WorkerChannel channel) => _expected[channel.WorkerId] = channel;

    public void Forget(WorkerChannel channel) => _expected.TryRemove(channel.WorkerId, out _);

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(limit.Token);
        await _app.DisposeAsync();
    }

    private sealed class FunctionRpcService(FunctionRpcServer server) : FunctionRpc.FunctionRpcBase
    {
        public override async Task EventStream(
            IAsyncStreamReader<StreamingMessage> requestStream,
            IServerStreamWriter<StreamingMessage> responseStream,
            ServerCallContext context)
        {
            if (!await requestStream.MoveNext(context.CancellationToken)
                || requestStream.Current.ContentCase != StreamingMessage.ContentOneofCase.StartStream
                || !server._expected.TryRemove(requestStream.Current.StartStream.WorkerId, out var channel))
            {
                throw new Grpc.Core.RpcException(new Status(StatusCode.PermissionDenied, "This worker was not started here."));
            }

            await channel.ServeAsync(requestStream, responseStream, context.CancellationToken);
        }
    }
}
