using System.Text.Json;
using System.Text.Json.Nodes;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Hosting;
using MailFunctions.Functions.OpenApi;
using MailFunctions.TestKit;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>The routes are the catalogue of the API; what is said of them elsewhere is held against them.</summary>
public sealed class CatalogueTests(TestedApi api)
{
    private IEnumerable<RouteEndpoint> Endpoints => api.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    [Fact]
    public void Json_TypesOfRoutes_AreTheGeneratedOnes()
    {
        var answers = Endpoints.SelectMany(e => e.Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>()).Select(m => m.Type);
        var bodies = Endpoints.SelectMany(e => e.Metadata.GetOrderedMetadata<IAcceptsMetadata>()).Select(m => m.RequestType);
        var used = answers.Concat(bodies).OfType<Type>()
            .Where(t => t != typeof(void) && t != typeof(Stream) && !typeof(ProblemDetails).IsAssignableFrom(t))
            .Distinct().Select(t => t.ToString()).Order(StringComparer.Ordinal);
        var generated = typeof(AdminJson).GetCustomAttributesData()
            .Where(a => a.AttributeType.Name == "JsonSerializableAttribute")
            .Select(a => ((Type)a.ConstructorArguments[0].Value!).ToString()).Order(StringComparer.Ordinal);

        Assert.Equal(used, generated);
    }

    [Fact]
    public void Bodies_OfJson_HaveAnExampleThatIsOne()
    {
        var routes = Endpoints.Where(e => e.Metadata.GetMetadata<IAcceptsMetadata>()?.ContentTypes.Contains("application/json") is true)
            .ToList();

        Assert.NotEmpty(routes);
        foreach (var route in routes)
        {
            var example = route.Metadata.GetMetadata<BodyExample>()?.Json;
            Assert.True(example is not null, route.RoutePattern.RawText);
            Assert.NotNull(JsonSerializer.Deserialize(
                example, AdminJson.Default.GetTypeInfo(route.Metadata.GetMetadata<IAcceptsMetadata>()!.RequestType!)!));
        }
    }

    [Fact]
    public async Task ParametersAndTags_OfTheDocument_AreTheDescribedOnes()
    {
        var operations = (await DocumentAsync())["paths"]!.AsObject()
            .SelectMany(p => p.Value!.AsObject()).Select(o => o.Value!.AsObject()).ToList();
        var parameters = operations.SelectMany(o => o["parameters"] as JsonArray ?? [])
            .Where(p => (string?)p!["in"] != "header").Select(p => (string)p!["name"]!);
        var tags = operations.SelectMany(o => o["tags"]!.AsArray()).Select(t => (string)t!);

        Assert.Equal(ApiExamples.Parameters.Keys.Order(StringComparer.Ordinal), parameters.Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(ApiExamples.Tags.Keys.Order(StringComparer.Ordinal), tags.Distinct().Order(StringComparer.Ordinal));
    }

    /// <summary>The command line is held against the file in docs, which is held against the code here.</summary>
    [Fact]
    public async Task Document_IsTheOneInDocs()
    {
        var document = await DocumentAsync();
        var file = Path.Combine(AppContext.BaseDirectory, "admin-api.json");
        await File.WriteAllTextAsync(
            file, document.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n", TestContext.Current.CancellationToken);

        var inDocs =
            JsonNode.Parse(
                await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "openapi.json"), TestContext.Current.CancellationToken));

        Assert.True(JsonNode.DeepEquals(document, inDocs), $"The API's description has changed: copy {file} to docs/openapi.json.");
    }

    private async Task<JsonNode> DocumentAsync() => JsonNode.Parse((await api.GetAsync("openapi.json")).Body.GetRawText())!;
}
