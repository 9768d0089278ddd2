using System.Text.Json.Serialization;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Azure.Directory;

/// <summary>List-valued columns.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(List<string>))]
[JsonSerializable(typeof(List<StoredAppPassword>))]
[JsonSerializable(typeof(List<StoredDkimKey>))]
internal sealed partial class DirectoryJson : JsonSerializerContext;

internal sealed record StoredAppPassword(
    string Id, string Label, byte[] Salt, int Iterations, byte[] StoredKey, byte[] ServerKey, DateTimeOffset CreatedAt)
{
    public static StoredAppPassword From(Core.Directory.AppPassword p) =>
        new(p.Id, p.Label, p.Verifier.Salt, p.Verifier.Iterations, p.Verifier.StoredKey, p.Verifier.ServerKey, p.CreatedAt);

    public Core.Directory.AppPassword ToAppPassword() =>
        new(Id, Label, new ScramVerifier(Salt, Iterations, StoredKey, ServerKey), CreatedAt);
}

/// <summary>The private key is in the key store, under the name that stands here.</summary>
internal sealed record StoredDkimKey(
    string Selector, string Algorithm, string PublicKey, string Secret, string State, DateTimeOffset CreatedAt, DateTimeOffset? RemoveAt)
{
    public static StoredDkimKey From(DkimKey k) => new(k.Selector, k.Algorithm, k.PublicKey, k.Secret, k.State, k.CreatedAt, k.RemoveAt);

    public DkimKey ToKey() => new()
    {
        Selector = Selector,
        Algorithm = Algorithm,
        PublicKey = PublicKey,
        Secret = Secret,
        State = State,
        CreatedAt = CreatedAt,
        RemoveAt = RemoveAt,
    };
}
