using System.IO.Pipelines;
using System.Net;

namespace MailFunctions.Protocols.Transport;

/// <summary>The connection under a session: pipes, and the switch to TLS (RFC 3207, RFC 2595).</summary>
public interface ISessionConnection : IDuplexPipe
{
    IPEndPoint RemoteEndPoint { get; }

    /// <summary>Null in plaintext.</summary>
    TlsDetails? Tls { get; }

    /// <summary>The listener has a certificate, so STARTTLS and STLS can be offered.</summary>
    bool CanStartTls { get; }

    /// <summary>
    /// Makes the server's side of a TLS handshake and replaces <see cref="IDuplexPipe.Input"/> and
    /// <see cref="IDuplexPipe.Output"/>. The caller has advanced the input past the command, with nothing examined behind
    /// it; plaintext that is already there behind the command ends the connection: it must never be read as a command
    /// (CVE-2011-0411). False when the handshake failed or took too long: the connection is of no use any more.
    /// </summary>
    ValueTask<bool> StartTlsAsync(CancellationToken cancellationToken);
}

/// <summary>An established TLS layer.</summary>
/// <param name="Protocol">`TLSv1.3`.</param>
/// <param name="CipherSuite">IANA name, `TLS_AES_256_GCM_SHA384`.</param>
/// <param name="ExporterBinding">tls-exporter (RFC 9266), or null when the stack can't give it.</param>
/// <param name="ServerEndPointBinding">tls-server-end-point (RFC 5929 §4): hash of the certificate.</param>
public sealed record TlsDetails(string Protocol, string CipherSuite, byte[]? ExporterBinding, byte[]? ServerEndPointBinding);
