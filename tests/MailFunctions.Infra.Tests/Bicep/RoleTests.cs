using System.Text.Json.Nodes;
using MailFunctions.Azure;
using MailFunctions.Core.Bus;
using Xunit;

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>Who may do what: the whole list, so that a new right is a change somebody sees here.</summary>
public sealed class RoleTests(ArmTemplate template)
{
    // Microsoft's ids of the built-in roles, so that a slip in names.bicep shows.
    private static readonly Dictionary<string, string> RoleNames = new()
    {
        ["7f951dda-4ed3-4680-a7ca-43fe172d538d"] = "AcrPull",
        ["ba92f5b4-2d11-453d-a403-e96b0029c9fe"] = "Storage Blob Data Contributor",
        ["b7e6dc6d-f1e8-4753-8033-0f276bb0955b"] = "Storage Blob Data Owner",
        ["090c5cfd-751d-490a-894a-3ce6f1109419"] = "Azure Service Bus Data Owner",
        ["69a216fc-b8fb-44d8-bc22-1f3c2cd27a39"] = "Azure Service Bus Data Sender",
        ["3913510d-42f4-4e42-8a64-420c390055eb"] = "Monitoring Metrics Publisher",
        ["0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"] = "Storage Table Data Contributor",
        ["76199698-9eea-4c19-bc75-cec21354c6b6"] = "Storage Table Data Reader",
        ["b86a8fe4-44ce-4948-aee5-eccb2c155cd7"] = "Key Vault Secrets Officer",
        ["4633458b-17de-408a-b874-0445c86b69e6"] = "Key Vault Secrets User",
    };

    [Fact]
    public void Assignments_AreExactlyThese()
    {
        string[] expected =
        [
            .. EdgeTables.Reads.Select(t => $"edge: Storage Table Data Reader on {t}"),
            .. EdgeTables.Writes.Select(t => $"edge: Storage Table Data Contributor on {t}"),
            .. StorageSetup.Containers.Select(c => $"edge: the role of its own on {c}"),
            $"edge: Azure Service Bus Data Sender on {QueueNames.Inbound}",
            "edge: Key Vault Secrets User on the certificate",
            "edge: Key Vault Secrets User on the SRS key",
            "edge: AcrPull on the registry",
            "edge: Monitoring Metrics Publisher on Application Insights",
            .. StorageSetup.Tables.Select(t => $"functions: Storage Table Data Contributor on {t}"),
            .. StorageSetup.Containers.Select(c => $"functions: Storage Blob Data Contributor on {c}"),
            $"functions: Azure Service Bus Data Owner on {QueueNames.Inbound}",
            $"functions: Azure Service Bus Data Owner on {QueueNames.Outbound}",
            "functions: Storage Blob Data Owner on the host's storage",
            "functions: Key Vault Secrets User on the SRS key",
            "functions: Key Vault Secrets User on the smarthost's password",
            "functions: Key Vault Secrets Officer on the vault of DKIM keys",
            "functions: Monitoring Metrics Publisher on Application Insights",
        ];

        var actual = template.OfType("Microsoft.Authorization/roleAssignments").SelectMany(a => Describe(a.Module, a.Resource));

        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
    }

    /// <summary>Of the mail there is no second copy: who faces the Internet can't delete it.</summary>
    [Fact]
    public void EdgesOwnRole_CreatesAndReadsBlobs_AndDoesNothingElse()
    {
        var role = Assert.Single(template.OfType("Microsoft.Authorization/roleDefinitions")).Resource["properties"]!;
        var permission = Assert.Single(role["permissions"]!.AsArray())!;

        Assert.Empty(permission["actions"]!.AsArray());
        Assert.Equal(["read", "write", "add/action"], permission["dataActions"]!.AsArray().Select(a => ((string)a!).Split("/blobs/")[1]));
        Assert.Equal("[resourceGroup().id]", (string?)Assert.Single(role["assignableScopes"]!.AsArray()));
    }

    private static IEnumerable<string> Describe(ArmModule module, JsonNode assignment)
    {
        var properties = assignment["properties"]!;
        var who = (string)properties["principalId"]! == "[parameters('edgePrincipalId')]" ? "edge"
            : (string)properties["principalId"]! == "[parameters('functionsPrincipalId')]" ? "functions"
            : throw new InvalidOperationException($"Whose right is {properties["principalId"]}?");
        var roleVariable = (string)properties["roleDefinitionId"]!;
        var role = roleVariable.Contains("guid(resourceGroup().id, 'edge messages')", StringComparison.Ordinal)
            ? "the role of its own"
            : RoleNames[(string)module.Variable("roles")!.AsObject()
                .Single(r => roleVariable.Contains($"variables('roles').{r.Key})", StringComparison.Ordinal)).Value!];
        return Scopes(module, assignment).Select(s => $"{who}: {role} on {s}");
    }

    private static string Secret(string scope) => scope switch
    {
        _ when scope.Contains("parameters('certificateName')", StringComparison.Ordinal) => "the certificate",
        _ when scope.Contains("parameters('srsKeyName')", StringComparison.Ordinal) => "the SRS key",
        _ when scope.Contains("parameters('relayCredentialName')", StringComparison.Ordinal) => "the smarthost's password",
        _ => scope,
    };

    private static IEnumerable<string> Scopes(ArmModule module, JsonNode assignment)
    {
        var scope = (string)assignment["scope"]!;
        if (assignment["copy"]?["count"] is { } count)
        {
            var list = module.Template["variables"]!.AsObject()
                .Single(v => ((string)count!).Contains($"variables('{v.Key}')", StringComparison.Ordinal)
                    && scope.Contains($"variables('{v.Key}')", StringComparison.Ordinal))
                    .Value!;
            return list is JsonArray names ? names.Select(n => (string)n!) : list.AsObject().Select(n => (string)n.Value!);
        }

        return scope switch
        {
            _ when scope.Contains("variables('queues').inbound", StringComparison.Ordinal) => [QueueNames.Inbound],
            _ when scope.Contains("Microsoft.KeyVault/vaults/secrets", StringComparison.Ordinal) => [Secret(scope)],
            _ when scope.Contains("Microsoft.KeyVault/vaults", StringComparison.Ordinal) && module.Name == "dkimAccess" =>
                ["the vault of DKIM keys"],
            _ when scope.Contains("Microsoft.ContainerRegistry/registries", StringComparison.Ordinal) => ["the registry"],
            _ when scope.Contains("Microsoft.Insights/components", StringComparison.Ordinal) => ["Application Insights"],
            _ when scope.StartsWith(
                "[resourceId('Microsoft.Storage/storageAccounts', ", StringComparison.Ordinal) && module.Name == "hostStorageAccess" =>
                ["the host's storage"],
            _ => [scope],
        };
    }
}
