using System.Text.Json.Nodes;
using MailFunctions.Local.Admin;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Admin;

/// <summary>The commands reach everything that the API's description has, and nothing else.</summary>
public sealed class AdminCatalogueTests
{
    private static readonly JsonNode Document =
        JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "docs", "openapi.json")))!;

    /// <summary>What no command reaches, and why.</summary>
    private static readonly Dictionary<string, string> LeftOut = [];

    private static IEnumerable<(string Operation, JsonNode Of)> Operations =>
        from path in Document["paths"]!.AsObject()
        from operation in path.Value!.AsObject()
        select ($"{operation.Key.ToUpperInvariant()} {path.Key.TrimEnd('/')}", operation.Value);

    [Fact]
    public void Everything_OfTheDescription_HasACommandOrAReason()
    {
        var described = Operations.SelectMany(o => Parts(o.Operation, o.Of)).ToHashSet();
        var reached = AdminVerbs.All.SelectMany(Parts).ToHashSet();

        Assert.Equal([], described.Except(reached).Except(LeftOut.Keys).Order(StringComparer.Ordinal));
        Assert.Equal([], reached.Except(described).Order(StringComparer.Ordinal));
        Assert.Equal([], LeftOut.Keys.Where(k => reached.Contains(k) || !described.Contains(k)));
    }

    [Fact]
    public void Options_OfACommand_StandOnce()
    {
        foreach (var verb in AdminVerbs.All)
        {
            var options = verb.Query.Concat(verb.Body).Select(f => f.Option).ToList();
            Assert.Equal(options.Distinct(), options);
        }

        Assert.Equal(AdminVerbs.All.Count, AdminVerbs.All.DistinctBy(v => (v.Resource, v.Verb)).Count());
    }

    private static IEnumerable<string> Parts(string operation, JsonNode of)
    {
        var query = (of["parameters"] as JsonArray ?? [])
            .Where(p => (string?)p!["in"] == "query").Select(p => $"{operation} ?{p!["name"]}");
        return [operation, .. query, .. Fields(of).Select(f => $"{operation} {{{f}}}")];
    }

    private static IEnumerable<string> Fields(JsonNode of) =>
        (string?)of["requestBody"]?["content"]?["application/json"]?["schema"]?["$ref"] is { } schema
            ? Document["components"]!["schemas"]![schema.Split('/')[^1]]!["properties"]!.AsObject().Select(p => p.Key)
            : [];

    private static IEnumerable<string> Parts(AdminVerb verb)
    {
        // What changes by PATCH makes by PUT where there is none.
        string[] methods = verb.IsUpsert ? [verb.Method, "PUT"] : [verb.Method];
        foreach (var operation in methods.Select(m => $"{m} /api/{verb.Path}"))
        {
            yield return operation;
            foreach (var name in verb.Query.Select(q => q.Name).Concat(verb.FixedQuery is { } always ? [always.Split('=')[0]] : []))
            {
                yield return $"{operation} ?{name}";
            }

            foreach (var field in verb.Body)
            {
                yield return $"{operation} {{{field.Name}}}";
            }
        }
    }
}
