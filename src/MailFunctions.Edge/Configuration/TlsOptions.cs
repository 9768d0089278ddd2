namespace MailFunctions.Edge.Configuration;

/// <summary>Section `Tls`: the certificate of every listener.</summary>
internal sealed class TlsOptions
{
    public const string Section = "Tls";

    /// <summary>A PEM file with the chain, or a PFX file; empty: no TLS on any listener.</summary>
    public string CertificatePath { get; set; } = "";

    /// <summary>The PEM file with the private key; empty: it is in the certificate's file.</summary>
    public string KeyPath { get; set; } = "";

    /// <summary>Of the PFX or of the encrypted key.</summary>
    public string Password { get; set; } = "";

    /// <summary>Limit for a handshake.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(20);

    public IEnumerable<string> Faults(PortOptions ports)
    {
        if (CertificatePath.Length == 0)
        {
            foreach (var (name, port) in ports.All().Where(p => p.Name is "Smtps" or "Pop3s" && p.Port != 0))
            {
                yield return $"Tls__CertificatePath: needed for port {port}; give a certificate, or set Edge__Ports__{name}=0.";
            }
        }
        else if (!File.Exists(CertificatePath))
        {
            yield return $"Tls__CertificatePath: there is no file '{CertificatePath}'.";
        }

        if (KeyPath.Length > 0 && !File.Exists(KeyPath))
        {
            yield return $"Tls__KeyPath: there is no file '{KeyPath}'.";
        }

        if (HandshakeTimeout <= TimeSpan.Zero)
        {
            yield return $"Tls__HandshakeTimeout: {HandshakeTimeout} must be more than zero.";
        }
    }
}
