using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace MailFunctions.Local.Stack;

/// <summary>Trust in the data directory's own authority, and in no other.</summary>
internal static class LocalTrust
{
    public static RemoteCertificateValidationCallback For(string authorityPath) => (_, certificate, chain, errors) =>
    {
        if (certificate is null || (errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
        {
            return false;
        }

        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.ImportFromPemFile(authorityPath);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return own.Build(new X509Certificate2(certificate));
    };
}
