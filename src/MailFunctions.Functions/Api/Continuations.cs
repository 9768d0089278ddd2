using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace MailFunctions.Functions.Api;

/// <summary>
/// Where the next page of a list begins, as the caller sees it: the position, and a check of it and of the list that it belongs
/// to, so that what was cut, made up or taken from another list is a fault and never a page of something else.
/// </summary>
internal static class Continuations
{
    private const int CheckOctets = 6;
    private const int MaxLength = 4096;

    /// <summary>Null at the last page.</summary>
    public static string? Write(HttpRequest request, string? position) => position is null
        ? null
        : Base64Url.EncodeToString([.. Check(request, position), .. Encoding.UTF8.GetBytes(position)]);

    /// <summary>The position, or null when the text is none that this list gave.</summary>
    public static string? Read(HttpRequest request, string text)
    {
        if (text.Length > MaxLength || !Base64Url.IsValid(text) || Base64Url.DecodeFromChars(text) is not { Length: > CheckOctets } octets)
        {
            return null;
        }

        var position = Encoding.UTF8.GetString(octets.AsSpan(CheckOctets));
        return Check(request, position).AsSpan().SequenceEqual(octets.AsSpan(0, CheckOctets)) ? position : null;
    }

    // The list is its path with what selects from it; a window that ends "now" goes on with the page.
    private static byte[] Check(HttpRequest request, string position)
    {
        var selection = request.Query.Where(q => q.Key is not ("top" or "continuation"))
            .Select(q => $"{q.Key}={q.Value}")
            .Order(StringComparer.Ordinal);
        return SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', [request.Path.Value, .. selection, position])))[..CheckOctets];
    }
}
