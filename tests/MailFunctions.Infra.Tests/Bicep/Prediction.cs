using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using MailFunctions.TestKit;

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>What a deployment of `main.bicep` would make with these parameters: conditions, loops and defaults worked out.</summary>
internal sealed class Prediction
{
    private static readonly ConcurrentDictionary<string, Lazy<Prediction>> Known = new();

    private readonly List<JsonNode> _resources;

    private Prediction(JsonNode snapshot) => _resources = [.. snapshot["predictedResources"]!.AsArray().Select(r => r!)];

    /// <summary>Parameters beside the required ones, as Bicep writes them: `edgeHosting = 'vmss'`.</summary>
    public static Prediction Of(params string[] parameters) =>
        Known.GetOrAdd(string.Join('\n', parameters), _ => new(() => Predict(parameters))).Value;

    private static Prediction Predict(string[] parameters)
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("predicted.bicepparam");
        var main = Path.GetRelativePath(directory.Path, Path.Combine(Repository.Root, "infra", "main.bicep"));
        string[] required = ["environmentName = 'mail'", "location = 'westeurope'", "mailHostName = 'mail.example.com'"];
        File.WriteAllLines(file, [$"using '{main}'", .. required.Concat(parameters).Select(p => "param " + p)]);
        return new(BicepCompiler.Predict(file));
    }

    public IEnumerable<JsonNode> OfType(string type) =>
        _resources.Where(r => string.Equals((string?)r["type"], type, StringComparison.OrdinalIgnoreCase));

    public JsonNode Single(string type) => OfType(type).Single();
}
