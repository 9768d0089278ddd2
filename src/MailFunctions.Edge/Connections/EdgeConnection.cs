using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using MailFunctions.Edge.Tls;
using MailFunctions.Protocols.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace MailFunctions.Edge.Connections;

/// <summary>A session's connection over Kestrel's pipes; STARTTLS puts an <see cref="SslStream"/> on them.</summary>
internal sealed partial class EdgeConnection : ISessionConnection, IAsyncDisposable
{
    /// <summary>
    /// What is held of a client's octets before its session takes them. The longest line has to fit (RFC 4954 §4: 12,288
    /// octets), or the session would wait for the transport and the transport for the session.
    /// </summary>
    public const int UnreadOctets = 32 * 1024;

    /// <summary>What is held of a session's replies before the kernel takes them.</summary>
    public const int UnsentOctets = 16 * 1024;

    // The TLS layer waits without a buffer of its own: idle sessions hold none.
    private static readonly StreamPipeReaderOptions ReaderOptions = new(useZeroByteReads: true, leaveOpen: true);
    private static readonly StreamPipeWriterOptions WriterOptions = new(leaveOpen: true);

    private readonly ConnectionContext _context;
    private readonly ServerCertificate _certificate;
    private readonly ILogger _logger;
    private SslStream? _tls;

    public EdgeConnection(ConnectionContext context, ServerCertificate certificate, ILogger logger)
    {
        _context = context;
        _certificate = certificate;
        _logger = logger;
        Input = context.Transport.Input;
        Output = context.Transport.Output;
        RemoteEndPoint = Unmap(context.RemoteEndPoint);
        if (context.Features.Get<ISslStreamFeature>() is { } implicitTls)
        {
            Tls = Details(implicitTls.SslStream);
        }
    }

    public PipeReader Input { get; private set; }

    public PipeWriter Output { get; private set; }

    public IPEndPoint RemoteEndPoint { get; }

    public TlsDetails? Tls { get; private set; }

    public bool CanStartTls => Tls is null && _certificate.IsConfigured;

    public async ValueTask<bool> StartTlsAsync(CancellationToken cancellationToken)
    {
        // Plaintext that came behind the command is still in the pipe: the handshake reads it and fails on it.
        _tls = new SslStream(new DuplexPipeStream(_context.Transport), leaveInnerStreamOpen: true);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_certificate.HandshakeTimeout);
        try
        {
            await _tls.AuthenticateAsServerAsync(_certificate.Handshake(), limit.Token);
        }
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException or InvalidOperationException)
        {
            Log.HandshakeFailed(_logger, RemoteEndPoint.Address, e.GetType().Name);
            return false;
        }

        Input = PipeReader.Create(_tls, ReaderOptions);
        Output = PipeWriter.Create(_tls, WriterOptions);
        Tls = Details(_tls);
        return true;
    }

    /// <summary>
    /// Says goodbye on the TLS layer that STARTTLS made; Kestrel ends the connection itself. Never throws: whatever state the
    /// peer left the layer in, all of it is disposed of.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_tls is null)
        {
            return;
        }

        if (Tls is not null)
        {
            await QuietlyAsync(_tls.ShutdownAsync);
            await QuietlyAsync(() => Input.CompleteAsync().AsTask());
            await QuietlyAsync(() => Output.CompleteAsync().AsTask());
        }

        await QuietlyAsync(() => _tls.DisposeAsync().AsTask());
    }

    private async Task QuietlyAsync(Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e)
        {
            // A peer that is gone, that renegotiated, or whose last record can't be finished.
            Log.TlsNotClosed(_logger, RemoteEndPoint.Address, e.GetType().Name);
        }
    }

    private TlsDetails Details(SslStream stream) => new(
        stream.SslProtocol == SslProtocols.Tls13 ? "TLSv1.3" : "TLSv1.2",
        stream.NegotiatedCipherSuite.ToString(),
        ExporterBinding.Of(stream),
        _certificate.EndPointBinding());

    private static IPEndPoint Unmap(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } ip => new IPEndPoint(ip.Address.MapToIPv4(), ip.Port),
        IPEndPoint ip => ip,
        _ => new IPEndPoint(IPAddress.None, 0),
    };

    private static partial class Log
    {
        [LoggerMessage(1110, LogLevel.Information, "TLS handshake with {Client} failed: {Reason}", EventName = "HandshakeFailed")]
        public static partial void HandshakeFailed(ILogger logger, IPAddress client, string reason);

        [LoggerMessage(1111, LogLevel.Debug, "The TLS session with {Client} was not closed in order: {Reason}", EventName = "TlsNotClosed")]
        public static partial void TlsNotClosed(ILogger logger, IPAddress client, string reason);
    }
}
