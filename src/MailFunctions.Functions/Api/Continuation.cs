using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace MailFunctions.Functions.Api;

/// <summary>
/// Where the next page of a list begins, as the caller sees it: the position, and a check of it and of the list that it belongs
/// to, so that what was cut, made up or taken from another list is a fault and never a page of something else.
/// </summary>
internal sealed class Continuation : IQueryValue
{
    public const string Malformed = "Use the value of the page before, with the same query, or none.";
    private const int CheckOctets = 6;
    private const int MaxLength = 4096;

    private readonly string _text;
    private readonly byte[] _octets;

    private Continuation(string text)
    {
        _text = text;
        _octets = text.Length <= MaxLength && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : [];
        Position = _octets.Length > CheckOctets ? Encoding.UTF8.GetString(_octets.AsSpan(CheckOctets)) : null;
    }

    /// <summary>As the list's own code knows it; null: none.</summary>
    public string? Position { get; }

    public static bool TryParse(string? text, out Continuation continuation)
    {
        continuation = new Continuation(text ?? "");
        return true;
    }

    /// <summary>What the caller continues with; null at the last page.</summary>
    public static string? Write(HttpRequest request, string? position) => position is null
        ? null
        : Base64Url.EncodeToString([.. Check(request, position), .. Encoding.UTF8.GetBytes(position)]);

    public string? Fault(HttpRequest request) => _text.Length == 0 || (Position is not null && IsOf(request, Position)) ? null : Malformed;

    private bool IsOf(HttpRequest request, string position) =>
        Check(request, position).AsSpan().SequenceEqual(_octets.AsSpan(0, CheckOctets));

    // The list is its path with what selects from it; a window that ends "now" goes on with the page.
    private static byte[] Check(HttpRequest request, string position)
    {
        var selection = request.Query.Where(q => q.Key is not ("top" or "continuation"))
            .Select(q => $"{q.Key}={q.Value}")
            .Order(StringComparer.Ordinal);
        return SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', [request.Path.Value, .. selection, position])))[..CheckOctets];
    }
}
