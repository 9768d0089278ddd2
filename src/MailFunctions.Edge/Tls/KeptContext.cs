using System.IO.Pipelines;
using System.Net.Security;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MailFunctions.Edge.Tls;

/// <summary>
/// Has .NET keep OpenSSL's context of a certificate, and with it the keys of the tickets by which clients resume: it does so
/// unless a cipher policy is set. So the suites are set on the context itself, which a handshake with ourselves brings about:
/// docs/decisions/0062-resumption.md.
/// </summary>
internal static class KeptContext
{
    private const long OpenSsl3 = 0x3000_0000;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private static readonly FieldInfo? SecurityContext =
        typeof(SslStream).GetField("_securityContext", BindingFlags.Instance | BindingFlags.NonPublic);

    private static readonly unsafe delegate* unmanaged<nint, nint> GetContext = (delegate* unmanaged<nint, nint>)Export("SSL_get_SSL_CTX");

    private static readonly unsafe delegate* unmanaged<nint, byte*, int> SetCipherList =
        (delegate* unmanaged<nint, byte*, int>)Export("SSL_CTX_set_cipher_list");

    /// <summary>RFC 9325 §4.2: of TLS 1.2 forward secrecy and AEAD only; TLS 1.3 has nothing else.</summary>
    private static ReadOnlySpan<byte> Tls12Suites => "ECDHE+AESGCM:ECDHE+CHACHA20\0"u8;

    /// <summary>False where it can't be done; the options then need a policy.</summary>
    public static unsafe bool TryNarrow(SslServerAuthenticationOptions options)
    {
        if (GetContext is null || SetCipherList is null || SecurityContext?.FieldType.Name is not "SafeDeleteSslContext")
        {
            return false;
        }

        try
        {
            var context = Task.Run(() => ContextAsync(options)).GetAwaiter().GetResult();
            return context != 0 && Narrow(context) && context == Task.Run(() => ContextAsync(options)).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or CryptographicException or OperationCanceledException
            or System.Security.Authentication.AuthenticationException)
        {
            return false;
        }
    }

    private static unsafe bool Narrow(nint context)
    {
        fixed (byte* suites = Tls12Suites)
        {
            return SetCipherList(context, suites) == 1;
        }
    }

    /// <summary>The context that a handshake by these options uses.</summary>
    private static async Task<nint> ContextAsync(SslServerAuthenticationOptions options)
    {
        using var limit = new CancellationTokenSource(Limit);
        var (here, there) = (new Pipe(), new Pipe());
        await using var server = new SslStream(new DuplexPipeStream(new Ends(here.Reader, there.Writer)));
        await using var client = new SslStream(
            new DuplexPipeStream(new Ends(there.Reader, here.Writer)), false,
            (_, shown, _, _) => shown!.GetCertHashString() == options.ServerCertificateContext!.TargetCertificate.GetCertHashString());
        await Task.WhenAll(
            server.AuthenticateAsServerAsync(options, limit.Token),
            client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, limit.Token));
        return ContextOf(server);
    }

    private static unsafe nint ContextOf(SslStream stream)
    {
        if (SecurityContext!.GetValue(stream) is not SafeHandle { IsInvalid: false } session)
        {
            return 0;
        }

        var held = false;
        try
        {
            session.DangerousAddRef(ref held);
            return GetContext(session.DangerousGetHandle());
        }
        finally
        {
            if (held)
            {
                session.DangerousRelease();
            }
        }
    }

    /// <summary>Of the very library that .NET uses: it has to be OpenSSL 3.</summary>
    private static nint Export(string name) =>
        OperatingSystem.IsLinux() && SafeEvpPKeyHandle.OpenSslVersion >= OpenSsl3
        && NativeLibrary.TryLoad("libssl.so.3", out var library) && NativeLibrary.TryGetExport(library, name, out var export)
            ? export
            : 0;

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
