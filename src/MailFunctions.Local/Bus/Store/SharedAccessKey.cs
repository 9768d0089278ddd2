using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace MailFunctions.Local.Bus.Store;

/// <summary>The bus's one key, and the checking of the tokens made with it.</summary>
internal sealed class SharedAccessKey(string key)
{
    public const string Name = "RootManageSharedAccessKey";
    private const string Prefix = "SharedAccessSignature ";

    private readonly byte[] _key = Encoding.UTF8.GetBytes(key);

    /// <summary>The resource and expiry of a valid token; null when its signature, name or age is wrong.</summary>
    public SasClaim? Check(string? token, DateTimeOffset now)
    {
        if (token is null || token.Length > 4096 || !token.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var fields = token[Prefix.Length..].Split('&').Select(f => f.Split('=', 2)).Where(f => f.Length == 2)
            .GroupBy(f => f[0]).ToDictionary(g => g.Key, g => g.First()[1]);
        if (!fields.TryGetValue("sr", out var resource) || !fields.TryGetValue("sig", out var signature)
            || !fields.TryGetValue("se", out var expiry) || fields.GetValueOrDefault("skn") != Name
            || !long.TryParse(expiry, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return null;
        }

        var expected = HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{resource}\n{expiry}"));
        var given = Encoding.UTF8.GetBytes(WebUtility.UrlDecode(signature));
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Convert.ToBase64String(expected)), given)
            && seconds > now.ToUnixTimeSeconds()
                ? new SasClaim(PathOf(WebUtility.UrlDecode(resource)), DateTimeOffset.FromUnixTimeSeconds(seconds))
                : null;
    }

    private static string PathOf(string resource) =>
        QueueSettings.Normalize(Uri.TryCreate(resource, UriKind.Absolute, out var uri) ? uri.AbsolutePath : "");
}

/// <summary>What a token allows: everything at and below a path, until its expiry.</summary>
internal sealed record SasClaim(string Path, DateTimeOffset ExpiresAt)
{
    public bool Covers(string entity, DateTimeOffset now) =>
        now < ExpiresAt && (Path.Length == 0 || entity == Path || entity.StartsWith(Path + "/", StringComparison.Ordinal));
}
