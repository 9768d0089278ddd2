using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;
using Azure.Identity;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>A token for one resource of the bus.</summary>
/// <param name="Type">As `$cbs` names it.</param>
internal sealed record BusToken(string Value, string Type, DateTimeOffset ExpiresAt)
{
    /// <summary>The value of an HTTP `Authorization` field.</summary>
    public string Authorization => Type == BusTokens.JwtType ? "Bearer " + Value : Value;
}

/// <summary>Makes or fetches tokens.</summary>
internal abstract class BusTokens
{
    public const string SasType = "servicebus.windows.net:sastoken";
    public const string JwtType = "jwt";

    public static BusTokens For(BusOptions options, TimeProvider time) => options.KeyName is { } name
        ? new SasTokens(name, options.SharedAccessKey!, options.TokenLifetime, time)
        : new EntraTokens(new DefaultAzureCredential());

    public abstract ValueTask<BusToken> GetAsync(string audience, CancellationToken cancellationToken);

    /// <summary>HMAC-SHA256 over the URL-encoded audience and the expiry.</summary>
    private sealed class SasTokens(string name, string key, TimeSpan lifetime, TimeProvider time) : BusTokens
    {
        public override ValueTask<BusToken> GetAsync(string audience, CancellationToken cancellationToken)
        {
            var expires = time.GetUtcNow() + lifetime;
            var resource = WebUtility.UrlEncode(audience);
            var expiry = expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            var signature = Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{resource}\n{expiry}")));
            var value = $"SharedAccessSignature sr={resource}&sig={WebUtility.UrlEncode(signature)}&se={expiry}&skn={name}";
            return ValueTask.FromResult(new BusToken(value, SasType, expires));
        }
    }

    /// <summary>Entra ID, by the managed identity; the credential caches and renews by itself.</summary>
    private sealed class EntraTokens(TokenCredential credential) : BusTokens
    {
        private static readonly TokenRequestContext Scope = new(["https://servicebus.azure.net/.default"]);

        public override async ValueTask<BusToken> GetAsync(string audience, CancellationToken cancellationToken)
        {
            var token = await credential.GetTokenAsync(Scope, cancellationToken).ConfigureAwait(false);
            return new BusToken(token.Token, JwtType, token.ExpiresOn);
        }
    }
}
