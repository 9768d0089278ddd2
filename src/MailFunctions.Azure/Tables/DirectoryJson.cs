using System.Text.Json.Serialization;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Azure.Tables;

/// <summary>List-valued columns.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(List<string>))]
[JsonSerializable(typeof(List<StoredAppPassword>))]
internal sealed partial class DirectoryJson : JsonSerializerContext;

internal sealed record StoredAppPassword(
    string Id, string Label, byte[] Salt, int Iterations, byte[] StoredKey, byte[] ServerKey, DateTimeOffset CreatedAt)
{
    public static StoredAppPassword From(Core.Directory.AppPassword p) =>
        new(p.Id, p.Label, p.Verifier.Salt, p.Verifier.Iterations, p.Verifier.StoredKey, p.Verifier.ServerKey, p.CreatedAt);

    public Core.Directory.AppPassword ToAppPassword() =>
        new(Id, Label, new ScramVerifier(Salt, Iterations, StoredKey, ServerKey), CreatedAt);
}
