using MailFunctions.Core.Addresses;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>Addresses as MAIL and RCPT carry them.</summary>
internal static class WirePath
{
    /// <summary>
    /// The address with its domain in A-labels, which every peer takes: a U-label would make SMTPUTF8 a must for all
    /// hosts behind (RFC 6531 §3.2).
    /// </summary>
    /// <exception cref="InvalidDataException">It would end the command.</exception>
    public static string Of(string address)
    {
        if (address.Any(char.IsControl))
        {
            throw new InvalidDataException("An address of the envelope has a control character.");
        }

        var at = address.LastIndexOf('@');
        return at >= 0 && DomainName.TryNormalize(address[(at + 1)..], out var domain) ? address[..(at + 1)] + domain : address;
    }

    /// <summary>RFC 6531 §3.2: the peer has to have SMTPUTF8.</summary>
    public static bool IsInternational(string address) => !System.Text.Ascii.IsValid(Of(address));
}
