using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.Core.Bus;
using MailFunctions.Infra.Tests.Bicep;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Settings;

/// <summary>The settings that Bicep gives the two programs: all they need, nothing they don't know, no secret.</summary>
public sealed partial class DeployedSettingsTests(ArmTemplate template)
{
    // Read by the Functions host, by Azure.Identity and by Azure Monitor, not by code of ours.
    private static readonly string[] HostSettings =
    [
        "AzureWebJobsStorage__blobServiceUri", "AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId",
        "APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "AZURE_CLIENT_ID",
        "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE",
        "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID",
    ];

    [Fact]
    public void FunctionApp_Settings_AreKnownToTheCodeOrToTheHost()
    {
        var known = ReadSettings.OfFunctions.Keys.Keys
            .Concat(FunctionsMetadata.Settings)
            .Concat(FunctionsMetadata.Connections.SelectMany(
                c => (string[])[$"{c}__fullyQualifiedNamespace", $"{c}__credential", $"{c}__clientId"]))
            .Concat(HostSettings);

        Assert.Empty(FunctionSettings.Keys.Except(known));
    }

    [Fact]
    public void Edge_Settings_AreKnownToTheCode() =>
        Assert.Empty(EdgeSettings.Keys.Except(ReadSettings.OfEdge.Keys.Keys).Except(HostSettings));

    [Theory]
    [MemberData(nameof(ConfigurationDocumentTests.Programs), MemberType = typeof(ConfigurationDocumentTests))]
    public void EveryRequiredSetting_IsSet(string program)
    {
        var required = ConfigurationDocumentTests.Document.Read(program)
            .Where(k => k.Value.StartsWith(ConfigurationDocumentTests.Document.Required, StringComparison.Ordinal))
                .Select(k => k.Key).ToList();
        var set = program == "edge" ? EdgeSettings : FunctionSettings;

        Assert.NotEmpty(required);
        Assert.Empty(required.Except(set.Keys));
    }

    [Fact]
    public void EveryReferenceOfABinding_IsSet()
    {
        Assert.Empty(FunctionsMetadata.Settings.Except(FunctionSettings.Keys));
        Assert.All(FunctionsMetadata.Connections, c => Assert.Contains($"{c}__fullyQualifiedNamespace", FunctionSettings.Keys));
    }

    [Fact]
    public void QueueTriggers_LeadToTheQueuesOfTheCode()
    {
        var triggers = FunctionsMetadata.Bindings.Where(b => (string?)b.Binding["type"] == "serviceBusTrigger").ToList();

        Assert.Equal(
            new[] { QueueNames.Inbound, QueueNames.Outbound }.Order(),
            triggers.Select(t => (string)t.Binding["queueName"]!).Order());
    }

    [Fact]
    public void Values_AreNoSecrets()
    {
        var named = FunctionSettings.Concat(EdgeSettings).Where(s => SecretName().IsMatch(s.Key)).ToList();

        Assert.Equal(["Relay__Password", "Relay__SrsKey"], named.Select(s => s.Key).Order());
        Assert.All(named, s => Assert.Contains("@Microsoft.KeyVault(SecretUri=", s.Value, StringComparison.Ordinal));
    }

    [Fact]
    public void AlwaysReadyFunctions_AreThoseOfTheApp()
    {
        var groups = template.Module("functionApp").Template.ToJsonString();

        Assert.All(ReadyGroup().Matches(groups), m => Assert.Contains(m.Groups[1].Value, FunctionsMetadata.All.Keys));
    }

    [Fact]
    public void SampleSettings_NameEverythingThatTheFunctionAppNeeds()
    {
        var sample = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "local.settings.sample.json")))!["Values"]!.AsObject()
            .Select(v => v.Key).ToList();

        Assert.Empty(FunctionsMetadata.Settings.Concat(FunctionsMetadata.Connections).Except(sample));
        Assert.Empty(sample.Except(ReadSettings.OfFunctions.Keys.Keys).Except(FunctionsMetadata.Settings)
            .Except(["AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME"]));
    }

    private Dictionary<string, string> FunctionSettings
    {
        get
        {
            var module = template.Module("functionApp");
            return NamesAndValues(module.Template["resources"]!["app"]!)
                .Concat(NamesAndValues(module.Template["variables"]))
                .Concat(NamesAndValues(module.Parameters["settings"])).DistinctBy(s => s.Key).ToDictionary();
        }
    }

    private Dictionary<string, string> EdgeSettings
    {
        get
        {
            var containers = template.Module("edgeContainers");
            var machines = template.Module("edgeMachines");
            return NamesAndValues(containers.Parameters["settings"])
                .Concat(NamesInText(containers.Template.ToJsonString()))
                .Concat(NamesInText(machines.Template.ToJsonString()))
                .DistinctBy(s => s.Key).ToDictionary();
        }
    }

    /// <summary>Every `{"name": …, "value": …}` in it, and every such object that an expression makes.</summary>
    private static IEnumerable<KeyValuePair<string, string>> NamesAndValues(JsonNode? node)
    {
        switch (node)
        {
            case JsonArray list:
                return list.SelectMany(NamesAndValues);
            case JsonObject both when both["name"] is JsonValue name && both["value"] is JsonValue value:
                return [KeyValuePair.Create((string)name!, (string)value!)];
            case JsonObject members:
                return members.SelectMany(m => NamesAndValues(m.Value));
            case JsonValue text when text.TryGetValue<string>(out var expression):
                return NamesInText(expression);
            default:
                return [];
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> NamesInText(string text) =>
        MadeByExpression().Matches(text.Replace("\\u0027", "'", StringComparison.Ordinal))
            .Select(m => KeyValuePair.Create(m.Groups["name"].Value, m.Groups["value"].Value));

    [GeneratedRegex(@"createObject\('name', '(?<name>\w+)', 'value', (?<value>.+?)\)")]
    private static partial Regex MadeByExpression();

    [GeneratedRegex("function:([A-Za-z]+)")]
    private static partial Regex ReadyGroup();

    [GeneratedRegex("password|secret|srskey|accesskey|accountkey", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();
}
