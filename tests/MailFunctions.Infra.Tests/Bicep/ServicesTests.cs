using System.Text.Json.Nodes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>Storage, vaults and function app as a deployment makes them, with the network closed and open.</summary>
public sealed class ServicesTests
{
    private static readonly Prediction Open = Prediction.Of();
    private static readonly Prediction Closed =
        Prediction.Of("networkIsolation = true", "allowedAddresses = '198.51.100.7, 203.0.113.0/24'");

    private static readonly string[] Guarded = ["Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"];

    [Fact]
    public void Mail_CanBeBroughtBack_AndGrowsOldCheaply()
    {
        var mail = Open.OfType("Microsoft.Storage/storageAccounts/blobServices")
            .Select(b => b["properties"]!).Single(b => b["isVersioningEnabled"] is not null);
        var rules = Open.Single("Microsoft.Storage/storageAccounts/managementPolicies")["properties"]!["policy"]!["rules"]!.AsArray()
            .Select(r => r!).ToList();

        Assert.True((bool)mail["isVersioningEnabled"]!);
        Assert.Equal((true, 14), ((bool)mail["deleteRetentionPolicy"]!["enabled"]!, (int)mail["deleteRetentionPolicy"]!["days"]!));
        Assert.Equal(
            (true, 14), ((bool)mail["containerDeleteRetentionPolicy"]!["enabled"]!, (int)mail["containerDeleteRetentionPolicy"]!["days"]!));
        Assert.Equal(["old-versions", "cool-messages"], rules.Select(r => (string)r["name"]!));
        Assert.All(rules, r => Assert.True((bool)r["enabled"]!));
        Assert.Equal(14, (int)rules[0]["definition"]!["actions"]!["version"]!["delete"]!["daysAfterCreationGreaterThan"]!);
        Assert.Equal(60, (int)rules[1]["definition"]!["actions"]!["baseBlob"]!["tierToCool"]!["daysAfterCreationGreaterThan"]!);
        // nothing that is current is deleted by age
        Assert.DoesNotContain("baseBlob", rules[0]["definition"]!["actions"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public void FunctionApp_OnFlex_IsAnIsolatedWorker_ThatFetchesItsPackageByIdentity()
    {
        var config = Open.Single("Microsoft.Web/sites")["properties"]!["functionAppConfig"]!;
        var storage = config["deployment"]!["storage"]!;

        Assert.Equal("FC1", (string?)Open.Single("Microsoft.Web/serverfarms")["sku"]!["name"]);
        Assert.Equal(("dotnet-isolated", "10.0"), ((string?)config["runtime"]!["name"], (string?)config["runtime"]!["version"]));
        Assert.Equal("blobContainer", (string?)storage["type"]);
        Assert.Contains("app-package", (string?)storage["value"], StringComparison.Ordinal);
        Assert.Equal("UserAssignedIdentity", (string?)storage["authentication"]!["type"]);
        Assert.NotNull(storage["authentication"]!["userAssignedIdentityResourceId"]);
        Assert.Empty(config["scaleAndConcurrency"]!["alwaysReady"]!.AsArray());
        Assert.Equal(
            (2048, 40),
            ((int)config["scaleAndConcurrency"]!["instanceMemoryMB"]!, (int)config["scaleAndConcurrency"]!["maximumInstanceCount"]!));
    }

    [Fact]
    public void FunctionApp_OnElasticPremium_HasNoFlexConfiguration()
    {
        var premium = Prediction.Of("functionsHosting = 'elasticPremium'");

        Assert.Equal("EP1", (string?)premium.Single("Microsoft.Web/serverfarms")["sku"]!["name"]);
        Assert.Null(premium.Single("Microsoft.Web/sites")["properties"]!["functionAppConfig"]);
        Assert.Equal(
            "DOTNET-ISOLATED|10.0", (string?)premium.Single("Microsoft.Web/sites")["properties"]!["siteConfig"]!["linuxFxVersion"]);
    }

    [Fact]
    public void Network_Open_AnswersAnybodyWithAnIdentity()
    {
        Assert.All(Guarded.SelectMany(Open.OfType).Select(Rules), r => Assert.Equal(
            ("Allow", 0, 0), (Default(r), Subnets(r), Addresses(r).Count)));
        Assert.Null(Open.Single("Microsoft.Web/sites")["properties"]!["virtualNetworkSubnetId"]);
    }

    [Fact]
    public void Network_Closed_AnswersTheSystemAndTheAddressesNamed()
    {
        var guarded = Guarded.SelectMany(Closed.OfType).Select(Rules).ToList();

        Assert.Equal(4, guarded.Count);
        Assert.All(guarded, r =>
        {
            Assert.Equal(("Deny", 4), (Default(r), Subnets(r)));
            Assert.Equal(["198.51.100.7", "203.0.113.0/24"], Addresses(r));
        });
        Assert.Contains("functionsSubnetId", (string?)Closed.Single("Microsoft.Web/sites")["properties"]!["virtualNetworkSubnetId"],
            StringComparison.Ordinal);
    }

    [Fact]
    public void Vaults_ThatCannotBePurged_AreBroughtBackByTheHandbook()
    {
        var vaults = Open.OfType("Microsoft.KeyVault/vaults").Select(v => v["properties"]!).ToList();
        var handbook = File.ReadAllText(Path.Combine(Repository.Root, "docs", "deploy.md"));

        // createMode 'recover' fails where nothing was deleted, so it can't stay in a template that is deployed again and again.
        Assert.All(vaults, v => Assert.Null(v["createMode"]));
        Assert.All(vaults, v => Assert.True((bool)v["enablePurgeProtection"]!));
        Assert.Contains("xargs -n 1 az keyvault recover --name", handbook, StringComparison.Ordinal);
        Assert.All(vaults, v => Assert.Contains($"stay for {v["softDeleteRetentionInDays"]} days", handbook, StringComparison.Ordinal));
    }

    private static JsonNode Rules(JsonNode resource) => resource["properties"]!["networkAcls"]!;

    private static string? Default(JsonNode rules) => (string?)rules["defaultAction"];

    private static int Subnets(JsonNode rules) => rules["virtualNetworkRules"]!.AsArray().Count;

    private static List<string> Addresses(JsonNode rules) => [.. rules["ipRules"]!.AsArray().Select(r => (string)r!["value"]!)];
}
