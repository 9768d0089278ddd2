using System.Text.Json.Nodes;
using Xunit;

[assembly: AssemblyFixture(typeof(MailFunctions.Infra.Tests.Bicep.ArmTemplate))]

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>The compiled `main.bicep`: every resource of every module, flat; compiled once, by the first test that asks.</summary>
public sealed class ArmTemplate
{
    private readonly Lazy<(JsonNode Template, string Diagnostics)> _compiled = new(() => BicepCompiler.Build("main.bicep"));
    private readonly Lazy<IReadOnlyList<ArmModule>> _modules;

    public ArmTemplate() => _modules = new(() => [.. Root["resources"]!.AsObject()
        .Where(r => Text(r.Value!, "type") == "Microsoft.Resources/deployments")
        .Select(r => new ArmModule(r.Key, r.Value!["properties"]!["parameters"]!, r.Value["properties"]!["template"]!))]);

    public JsonNode Root => _compiled.Value.Template;

    /// <summary>What the compiler wrote beside the template.</summary>
    public string Diagnostics => _compiled.Value.Diagnostics;

    public IReadOnlyList<ArmModule> Modules => _modules.Value;

    public ArmModule Module(string name) => Modules.Single(m => m.Name == name);

    /// <summary>Every resource that is made, of one type, with the module it stands in.</summary>
    public IEnumerable<(ArmModule Module, JsonNode Resource)> OfType(string type) =>
        Modules.SelectMany(
            m => m.Resources.Where(r => string.Equals(Text(r, "type"), type, StringComparison.OrdinalIgnoreCase)).Select(r => (m, r)));

    internal static string? Text(JsonNode node, string name) =>
        node[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}

/// <summary>One module: its template, and what `main.bicep` gives it.</summary>
public sealed record ArmModule(string Name, JsonNode Parameters, JsonNode Template)
{
    /// <summary>Those that are made; references to existing ones are left out.</summary>
    public IEnumerable<JsonNode> Resources =>
        (Template["resources"] is JsonArray list ? list.Select(r => r!) : Template["resources"]!.AsObject().Select(r => r.Value!))
        .Where(r => r["existing"]?.GetValue<bool>() is not true);

    public JsonNode? Variable(string name) => Template["variables"]?[name];
}
