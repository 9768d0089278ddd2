using System.Net;
using System.Text;
using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Security.KeyVault.Secrets;
using MailFunctions.Azure.Dkim;
using MailFunctions.Core.Dkim;
using MailFunctions.Core.Messages;
using Xunit;

namespace MailFunctions.Azure.Tests.Dkim;

/// <summary>Private keys as secrets, over the vault's REST interface answered by the test.</summary>
public sealed class VaultDkimKeysTests : IDisposable
{
    private readonly Vault _vault = new();
    private readonly IDkimKeyStore _keys;

    public VaultDkimKeysTests() => _keys = DkimKeyStores.InVault(
        new Uri("https://vault.vault.azure.net"), new AnyToken(), new SecretClientOptions { Transport = new HttpClientTransport(_vault) });

    public void Dispose() => _vault.Dispose();

    [Fact]
    public async Task Put_AKey_ReadsBackUntilItIsDeleted()
    {
        Assert.Null(await _keys.FindAsync("dkim-a", Token));

        await _keys.PutAsync("dkim-a", "-----BEGIN PRIVATE KEY-----\n…", Token);

        Assert.Equal("-----BEGIN PRIVATE KEY-----\n…", await _keys.FindAsync("dkim-a", Token));
        await _keys.DeleteAsync("dkim-a", Token);
        await _keys.DeleteAsync("dkim-a", Token);
        Assert.Null(await _keys.FindAsync("dkim-a", Token));
    }

    [Theory]
    [InlineData(403)]
    [InlineData(503)]
    public async Task AnyCall_ARefusal_IsUnavailableAndSaysNoKey(int status)
    {
        _vault.Refusal = (HttpStatusCode)status;

        foreach (var call in (Func<Task>[])[() => _keys.FindAsync("dkim-a", Token), () => _keys.PutAsync(
            "dkim-a", "secret text", Token), () => _keys.DeleteAsync("dkim-a", Token)])
        {
            var fault = await Assert.ThrowsAsync<StoreUnavailableException>(call);
            Assert.Contains($"the vault answered {status}", fault.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("secret text", fault.ToString(), StringComparison.Ordinal);
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private sealed class AnyToken : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new("token", DateTimeOffset.MaxValue);

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            ValueTask.FromResult(GetToken(requestContext, cancellationToken));
    }

    /// <summary>As Key Vault answers: without a token a challenge, then secrets by name.</summary>
    private sealed class Vault : HttpMessageHandler
    {
        private readonly Dictionary<string, string> _secrets = [];

        public HttpStatusCode? Refusal { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Headers.Authorization is null)
            {
                var challenge = new HttpResponseMessage(HttpStatusCode.Unauthorized);
                challenge.Headers.TryAddWithoutValidation(
                    "WWW-Authenticate",
                    """Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net" """.TrimEnd());
                return challenge;
            }

            if (Refusal is { } refusal)
            {
                return new HttpResponseMessage(refusal) { Content = Json("""{"error": {"code": "Refused", "message": "no"}}""") };
            }

            var name = request.RequestUri!.AbsolutePath.Split('/')[2];
            if (request.Method == HttpMethod.Put)
            {
                using var body = JsonDocument.Parse(await request.Content!.ReadAsStringAsync(cancellationToken));
                _secrets[name] = body.RootElement.GetProperty("value").GetString()!;
            }
            else if (!_secrets.ContainsKey(name))
            {
                return new HttpResponseMessage(HttpStatusCode.NotFound)
                {
                    Content = Json("""{"error": {"code": "SecretNotFound", "message": "no"}}"""),
                };
            }

            var value = _secrets[name];
            if (request.Method == HttpMethod.Delete)
            {
                _secrets.Remove(name);
            }

            return new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = Json(JsonSerializer.Serialize(new
                {
                    value,
                    id = $"https://vault.vault.azure.net/secrets/{name}/1",
                    recoveryId = $"https://vault.vault.azure.net/deletedsecrets/{name}",
                })),
            };
        }

        private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
    }
}
