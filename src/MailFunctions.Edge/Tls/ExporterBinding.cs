using System.Net.Security;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Cryptography;

namespace MailFunctions.Edge.Tls;

/// <summary>
/// The `tls-exporter` channel binding (RFC 9266), which is the default of SCRAM's -PLUS under TLS 1.3. .NET has no way to ask for
/// it, so OpenSSL is asked, with the session that the stream holds. Where anything of that is not as it should be, there
/// is no binding and the mechanism offers the others: docs/decisions/0003-tls-exporter.md.
/// </summary>
internal static unsafe class ExporterBinding
{
    /// <summary>RFC 9266 §2.</summary>
    public const int Octets = 32;

    private const long OpenSsl3 = 0x3000_0000;

    private static readonly FieldInfo? SecurityContext =
        typeof(SslStream).GetField("_securityContext", BindingFlags.Instance | BindingFlags.NonPublic);

    private static readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte*, nuint, int, int> ExportKeyingMaterial =
        FindExport();

    private static ReadOnlySpan<byte> Label => "EXPORTER-Channel-Binding"u8;

    /// <summary>32 octets; null before TLS 1.3, and where OpenSSL can't be asked.</summary>
    public static byte[]? Of(SslStream stream)
    {
        if (stream.SslProtocol != SslProtocols.Tls13 || ExportKeyingMaterial is null
            || SecurityContext?.GetValue(stream) is not SafeHandle { IsInvalid: false } session)
        {
            return null;
        }

        var binding = new byte[Octets];
        var held = false;
        try
        {
            session.DangerousAddRef(ref held);
            fixed (byte* output = binding, label = Label)
            {
                return ExportKeyingMaterial(session.DangerousGetHandle(), output, Octets, label, (nuint)Label.Length, null, 0, 1) == 1
                    ? binding
                    : null;
            }
        }
        finally
        {
            if (held)
            {
                session.DangerousRelease();
            }
        }
    }

    /// <summary>SSL_export_keying_material of the very library that .NET uses: it has to be OpenSSL 3.</summary>
    private static delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte*, nuint, int, int> FindExport() =>
        OperatingSystem.IsLinux() && SafeEvpPKeyHandle.OpenSslVersion >= OpenSsl3
        && SecurityContext?.FieldType.Name is "SafeDeleteSslContext"
        && NativeLibrary.TryLoad("libssl.so.3", out var library)
        && NativeLibrary.TryGetExport(library, "SSL_export_keying_material", out var export)
            ? (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte*, nuint, int, int>)export
            : null;
}
