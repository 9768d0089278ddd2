using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>An HTTP server of a test on 127.0.0.1, on a port that is free; bodies may be of any length.</summary>
internal static class LoopbackServer
{
    /// <summary>Not started yet.</summary>
    public static WebApplication Create(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, 0);
            k.Limits.MaxRequestBodySize = null;
        });
        var app = builder.Build();
        app.Run(answer);
        return app;
    }
}
