using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Tests.Harness;

/// <summary>A connection in memory: the server's side for the session, the client's side as a stream for the test.</summary>
internal sealed class MemoryConnection : ISessionConnection
{
    private static readonly X509Certificate2 Certificate = CreateCertificate();

    private readonly Pipe _toServer = new(new PipeOptions(useSynchronizationContext: false));
    private readonly Pipe _toClient = new(new PipeOptions(useSynchronizationContext: false, pauseWriterThreshold: 256 * 1024));

    public MemoryConnection(bool canStartTls = true)
    {
        CanStartTls = canStartTls;
        Input = _toServer.Reader;
        Output = _toClient.Writer;
        Client = new PipeStream(_toClient.Reader, _toServer.Writer);
    }

    /// <summary>What the client reads and writes; after <see cref="ClientStartTlsAsync"/> the encrypted side.</summary>
    public Stream Client { get; private set; }

    public PipeReader Input { get; private set; }

    public PipeWriter Output { get; private set; }

    public IPEndPoint RemoteEndPoint { get; } = new(IPAddress.Parse("192.0.2.1"), 40000);

    public TlsDetails? Tls { get; private set; }

    public bool CanStartTls { get => field && Tls is null; private set; }

    public async ValueTask<bool> StartTlsAsync(CancellationToken cancellationToken)
    {
        var tls = new SslStream(new PipeStream(_toServer.Reader, _toClient.Writer));
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = Certificate }, cancellationToken);
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException or InvalidOperationException)
        {
            return false;
        }

        Input = PipeReader.Create(tls);
        Output = PipeWriter.Create(tls);
        Tls = new TlsDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384", null, SHA256.HashData(Certificate.RawData));
        return true;
    }

    /// <summary>What a client says, in one write.</summary>
    public async Task SendAsync(string commands) => await Client.WriteAsync(Encoding.ASCII.GetBytes(commands));

    /// <summary>The client's side of the handshake.</summary>
    public async Task ClientStartTlsAsync(CancellationToken cancellationToken)
    {
        var tls =
            new SslStream(Client, leaveInnerStreamOpen: false, (
                _, certificate, _, _) => certificate?.GetCertHashString() == Certificate.GetCertHashString());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "mail.example.test" }, cancellationToken);
        Client = tls;
    }

    /// <summary>Both sides at once: TLS from the first octet (RFC 8314).</summary>
    public async Task UseImplicitTlsAsync(CancellationToken cancellationToken)
    {
        var server = StartTlsAsync(cancellationToken).AsTask();
        await ClientStartTlsAsync(cancellationToken);
        await server;
    }

    /// <summary>Octets that wait for the client; in plaintext, while it reads nothing.</summary>
    public long WaitingForClient
    {
        get
        {
            if (!_toClient.Reader.TryRead(out var read))
            {
                return 0;
            }

            _toClient.Reader.AdvanceTo(read.Buffer.Start);
            return read.Buffer.Length;
        }
    }

    /// <summary>The client hangs up.</summary>
    public void CloseClient()
    {
        _toServer.Writer.Complete();
        _toClient.Reader.Complete();
    }

    /// <summary>The client closes its sending side and still listens.</summary>
    public void CloseClientOutput() => _toServer.Writer.Complete();

    /// <summary>The client takes nothing more; what it sends still comes.</summary>
    public void CloseClientInput() => _toClient.Reader.Complete();

    /// <summary>Nobody reads what the client sends any more: its writes don't wait.</summary>
    public ValueTask StopReadingAsync() => _toServer.Reader.CompleteAsync();

    /// <summary>The session is over: what it wrote can be read to its end.</summary>
    public async Task CloseServerAsync()
    {
        if (Tls is not null)
        {
            await Output.FlushAsync();
        }

        await _toClient.Writer.CompleteAsync();
        await _toServer.Reader.CompleteAsync();
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.example.test", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>Two pipes as one stream; each write goes out at once.</summary>
    private sealed class PipeStream(PipeReader reader, PipeWriter writer) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                var length = (int)Math.Min(buffer.Length, read.Buffer.Length);
                if (length > 0)
                {
                    var part = read.Buffer.Slice(0, length);
                    System.Buffers.BuffersExtensions.CopyTo(part, buffer.Span);
                    reader.AdvanceTo(part.End);
                    return length;
                }

                reader.AdvanceTo(read.Buffer.Start); // a read of no octets only waits for some
                if (read.IsCompleted || buffer.IsEmpty)
                {
                    return 0;
                }
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            await writer.WriteAsync(buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
            // Each write goes out at once.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
