using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.Azure;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>What the compiled template says about safety and about the names that the code uses.</summary>
public sealed partial class TemplateTests(ArmTemplate template)
{
    [Fact]
    public void MainBicep_UnderTheStrictRules_CompilesWithoutAWord()
    {
        Assert.Equal("", template.Diagnostics.Trim());
        Assert.Equal("", BicepCompiler.Lint("main.bicep").Trim());
        Assert.NotEmpty(template.Modules);
    }

    [Fact]
    public void EveryModule_IsUsedByMain()
    {
        var main = File.ReadAllText(Path.Combine(Repository.Root, "infra", "main.bicep"));
        var files = Directory.EnumerateFiles(Path.Combine(Repository.Root, "infra", "modules"), "*.bicep")
            .Select(f => Path.GetFileName(f)!);

        Assert.All(files.Where(f => f != "names.bicep"), file => Assert.Contains($"'modules/{file}'", main, StringComparison.Ordinal));
        Assert.DoesNotMatch(new Regex(@"'(br|ts)[:/]"), main);
    }

    [Fact]
    public void StorageAccounts_TakeIdentitiesOnly_OverTls12_AndNothingPublic()
    {
        var accounts = template.OfType("Microsoft.Storage/storageAccounts").ToList();

        Assert.Equal(2, accounts.Count);
        Assert.All(accounts, account =>
        {
            var properties = account.Resource["properties"]!;
            Assert.False(properties["allowSharedKeyAccess"]!.GetValue<bool>());
            Assert.False(properties["allowBlobPublicAccess"]!.GetValue<bool>());
            Assert.True(properties["supportsHttpsTrafficOnly"]!.GetValue<bool>());
            Assert.Equal("TLS1_2", properties["minimumTlsVersion"]!.GetValue<string>());
        });
        Assert.All(
            template.OfType("Microsoft.Storage/storageAccounts/blobServices/containers"),
            c => Assert.Equal("None", c.Resource["properties"]!["publicAccess"]!.GetValue<string>()));
    }

    [Fact]
    public void OtherServices_RefuseKeysAndOldTls()
    {
        var bus = Assert.Single(template.OfType("Microsoft.ServiceBus/namespaces")).Resource["properties"]!;
        Assert.True(bus["disableLocalAuth"]!.GetValue<bool>());
        Assert.Equal("1.2", bus["minimumTlsVersion"]!.GetValue<string>());

        var app = Assert.Single(template.OfType("Microsoft.Web/sites")).Resource["properties"]!;
        Assert.True(app["httpsOnly"]!.GetValue<bool>());
        Assert.Equal("1.2", app["siteConfig"]!["minTlsVersion"]!.GetValue<string>());
        Assert.Equal("1.2", app["siteConfig"]!["scmMinTlsVersion"]!.GetValue<string>());
        Assert.Equal("Disabled", app["siteConfig"]!["ftpsState"]!.GetValue<string>());
        var passwords = template.OfType("Microsoft.Web/sites/basicPublishingCredentialsPolicies").ToList();
        Assert.Equal(2, passwords.Count);
        Assert.All(passwords, p => Assert.False(p.Resource["properties"]!["allow"]!.GetValue<bool>()));

        var vaults = template.OfType("Microsoft.KeyVault/vaults").Select(v => v.Resource["properties"]!).ToList();
        Assert.Equal(2, vaults.Count); // the postmaster's secrets, and the DKIM keys that the functions make
        Assert.All(vaults, v => Assert.True(v["enableRbacAuthorization"]!.GetValue<bool>()));
        Assert.All(vaults, v => Assert.True(v["enablePurgeProtection"]!.GetValue<bool>()));

        var registry = Assert.Single(template.OfType("Microsoft.ContainerRegistry/registries")).Resource["properties"]!;
        Assert.False(registry["adminUserEnabled"]!.GetValue<bool>());

        Assert.True(
            Assert.Single(template.OfType("Microsoft.Insights/components")).Resource["properties"]!["DisableLocalAuth"]!.GetValue<bool>());
        Assert.True(Assert.Single(template.OfType("Microsoft.OperationalInsights/workspaces"))
            .Resource["properties"]!["features"]!["disableLocalAuth"]!.GetValue<bool>());
    }

    [Fact]
    public void Template_AsksForNoKey_AndHoldsNoSecret()
    {
        var text = template.Root.ToJsonString();

        Assert.DoesNotMatch(SecretFunctions(), text);
        Assert.DoesNotMatch(SecretTexts(), text);
        Assert.DoesNotContain("securestring", text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Machines_LogInByKey_AndLetOnlyMailIn()
    {
        var linux = Assert.Single(template.OfType("Microsoft.Compute/virtualMachineScaleSets")).Resource["properties"]!
            ["virtualMachineProfile"]!["osProfile"]!["linuxConfiguration"]!;
        Assert.True(linux["disablePasswordAuthentication"]!.GetValue<bool>());

        var rules = Assert.Single(template.OfType("Microsoft.Network/networkSecurityGroups"))
            .Resource["properties"]!["securityRules"]!.AsArray();
        var allowed = rules.Where(r => (string?)r!["properties"]!["access"] == "Allow")
            .SelectMany(r => r!["properties"]!["destinationPortRanges"]?.AsArray().Select(p => (string)p!)
                ?? [(string)r["properties"]!["destinationPortRange"]!]);
        Assert.Equal(["110", "25", "465", "587", "8080", "995"], allowed.Order(StringComparer.Ordinal));
        Assert.Contains(
            rules, r => (string?)r!["properties"]!["access"] == "Deny" && (string?)r["properties"]!["destinationPortRange"] == "*");
    }

    [Fact]
    public void Queues_AreThoseOfTheCode_WithTheRulesOfTheDesign()
    {
        var module = template.Module("bus");
        var queue = Assert.Single(template.OfType("Microsoft.ServiceBus/namespaces/queues")).Resource["properties"]!;

        Assert.Equal(
            new[] { QueueNames.Inbound, QueueNames.Outbound }.Order(),
            module.Variable("queues")!.AsObject().Select(q => (string)q.Value!).Order());
        Assert.True(queue["requiresDuplicateDetection"]!.GetValue<bool>());
        // that is how long a crash hides mail, so the host has to renew for as long as a function may work
        Assert.Equal("PT1M", (string?)queue["lockDuration"]);
        var host = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "host.json")))!;
        Assert.True(Duration(host["extensions"]!["serviceBus"]!["maxAutoLockRenewalDuration"]) > Duration(host["functionTimeout"]));
        Assert.Equal(10, (int?)queue["maxDeliveryCount"]);
        Assert.True(queue["deadLetteringOnMessageExpiration"]!.GetValue<bool>());
    }

    private static TimeSpan Duration(JsonNode? text) => TimeSpan.Parse((string)text!, CultureInfo.InvariantCulture);

    [Fact]
    public void EveryAlert_StandsInTheHandbook_AndAsksItsOwnQuery()
    {
        var alerts = template.Module("alerts");
        var fromLogs = alerts.Variable("logAlerts")!.AsArray();
        var fromMetrics = template.OfType("Microsoft.Insights/metricAlerts").Select(a => a.Resource["name"]!.GetValue<string>());
        var handbook = File.ReadAllText(Path.Combine(Repository.Root, "docs", "run.md"));
        var queries =
            fromLogs.Select(
                a => alerts.Variable(QueryVariable().Match(a!["query"]!.GetValue<string>()).Groups[1].Value)!.GetValue<string>())
            .ToList();

        Assert.All(fromLogs.Select(a => a!["name"]!.GetValue<string>()).Concat(fromMetrics), name => Assert.Contains(
            $"| `{name}`", handbook, StringComparison.Ordinal));
        Assert.Equal(
            Directory.GetFiles(Path.Combine(Repository.Root, "infra", "monitoring"), "*.kql").Select(File.ReadAllText).Order(),
            queries.Order());
    }

    [Fact]
    public void RelayAlert_CountsMessagesOfAnHour_AndLetsGreylistingPass()
    {
        var alerts = template.Module("alerts");
        var relay = alerts.Variable("logAlerts")!.AsArray().Single(a => a!["name"]!.GetValue<string>() == "relay-deferred")!;
        var query = alerts.Variable(QueryVariable().Match(relay["query"]!.GetValue<string>()).Groups[1].Value)!.GetValue<string>();

        Assert.Equal("PT1H", relay["window"]!.GetValue<string>());
        Assert.Equal("[parameters('relayDeferrals')]", relay["threshold"]!.GetValue<string>());
        Assert.Equal(20, alerts.Parameters["relayDeferrals"]!["value"]!.GetValue<int>());
        Assert.Contains("| where Minutes >= 15\n", query, StringComparison.Ordinal);
        Assert.EndsWith(" by Id\n", query, StringComparison.Ordinal);
    }

    [Fact]
    public void ContainersAndTables_AreThoseOfTheCode()
    {
        var module = template.Module("storage");

        Assert.Equal(StorageSetup.Containers.Order(), Strings(module.Variable("containers")!).Order());
        Assert.Equal(StorageSetup.Tables.Order(), Strings(module.Variable("tables")!).Order());
    }

    private static IEnumerable<string> Strings(JsonNode array) => array.AsArray().Select(t => (string)t!);

    [GeneratedRegex(
        @"\b(listKeys|listCredentials|listAdminKeys|listClusterAdminCredential|listSecrets|listAccountSas|listServiceSas)\b",
        RegexOptions.IgnoreCase)]
    private static partial Regex SecretFunctions();

    [GeneratedRegex(
        "AccountKey=|SharedAccessKey=|SharedAccessSignature|\"adminPassword\"|BEGIN (RSA |EC )?PRIVATE KEY", RegexOptions.IgnoreCase)]
    private static partial Regex SecretTexts();

    [GeneratedRegex(@"variables\('([^']+)'\)")]
    private static partial Regex QueryVariable();
}
