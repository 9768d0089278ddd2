using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace MailFunctions.Local.Stack;

/// <summary>
/// What the local authority may vouch for (RFC 5280 §4.2.1.10): this machine and the example's domain. With the stolen
/// key of an authority that a developer trusts no certificate of another site can be made.
/// </summary>
internal static class NameConstraints
{
    private const string Oid = "2.5.29.30";
    private static readonly string[] Domains = ["localhost", LocalStack.Domain];

    public static bool AreIn(X509Certificate2 certificate) => certificate.Extensions.Any(e => e.Oid?.Value == Oid);

    public static X509Extension ForThisMachine()
    {
        var permittedSubtrees = new Asn1Tag(TagClass.ContextSpecific, 0, isConstructed: true);
        var dnsName = new Asn1Tag(TagClass.ContextSpecific, 2);
        var ipAddress = new Asn1Tag(TagClass.ContextSpecific, 7);
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(permittedSubtrees))
        {
            foreach (var domain in Domains)
            {
                using (writer.PushSequence())
                {
                    writer.WriteCharacterString(UniversalTagNumber.IA5String, domain, dnsName);
                }
            }

            // An address and its mask: 127.0.0.0/8, and ::1 alone.
            foreach (var (
                address, mask) in ((string, string)[])[("127.0.0.0", "255.0.0.0"), ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")])
            {
                using (writer.PushSequence())
                {
                    writer.WriteOctetString(
                        [.. IPAddress.Parse(address).GetAddressBytes(), .. IPAddress.Parse(mask).GetAddressBytes()], ipAddress);
                }
            }
        }

        return new X509Extension(Oid, writer.Encode(), critical: true);
    }
}
