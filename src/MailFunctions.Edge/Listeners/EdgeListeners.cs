using System.Diagnostics.CodeAnalysis;
using System.Net;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace MailFunctions.Edge.Listeners;

/// <summary>Binds the ports. A connection goes through PROXY header, admission, TLS and handler, in this order.</summary>
internal static class EdgeListeners
{
    public static void Listen(this KestrelServerOptions kestrel, EdgeOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Listen<MxHandler>(options, nameof(PortOptions.Smtp), options.Ports.Smtp, implicitTls: false);
        kestrel.Listen<SubmissionHandler>(options, nameof(PortOptions.Submission), options.Ports.Submission, implicitTls: false);
        kestrel.Listen<SubmissionHandler>(options, nameof(PortOptions.Smtps), options.Ports.Smtps, implicitTls: true);
        kestrel.Listen<Pop3Handler>(options, nameof(PortOptions.Pop3), options.Ports.Pop3, implicitTls: false);
        kestrel.Listen<Pop3Handler>(options, nameof(PortOptions.Pop3s), options.Ports.Pop3s, implicitTls: true);
        if (options.Ports.Health != 0)
        {
            kestrel.Listen(IPAddress.Parse(options.Address), options.Ports.Health, listen => listen.Protocols = HttpProtocols.Http1);
        }
    }

    private static void Listen<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this KestrelServerOptions kestrel, EdgeOptions options, string name, int port, bool implicitTls)
        where THandler : ConnectionHandler
    {
        if (port == 0)
        {
            return;
        }

        kestrel.Listen(IPAddress.Parse(options.Address), port, listen =>
        {
            listen.Protocols = HttpProtocols.None;
            if (options.ProxyProtocol.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                listen.Use(listen.ApplicationServices.GetRequiredService<ProxyProtocolMiddleware>().OnConnectionAsync);
            }

            listen.Use(listen.ApplicationServices.GetRequiredService<AdmissionMiddleware>().OnConnectionAsync);
            if (implicitTls) // RFC 8314 §3
            {
                var certificate = listen.ApplicationServices.GetRequiredService<ServerCertificate>();
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = certificate.HandshakeTimeout,
                    OnConnection = _ => ValueTask.FromResult(certificate.Handshake()),
                });
            }

            listen.UseConnectionHandler<THandler>();
        });
    }
}
