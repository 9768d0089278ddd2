using System.Globalization;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>The edge on machines: what the balancer, the machines and the container in them have to agree on.</summary>
public sealed partial class MachinesTests(ArmTemplate template)
{
    private const string ScaleSets = "Microsoft.Compute/virtualMachineScaleSets";

    private static readonly Prediction Machines = Prediction.Of("edgeHosting = 'vmss'");

    private static readonly string CloudInit = File.ReadAllText(Path.Combine(Repository.Root, "infra", "scaleSet", "cloud-init.yaml"));

    [Fact]
    public void Balancer_SendsToThePortsThatTheEdgeIsGiven()
    {
        var rules = Machines.Single("Microsoft.Network/loadBalancers")["properties"]!["loadBalancingRules"]!.AsArray()
            .Select(r => r!["properties"]!).ToList();
        var settings = template.Module("edgeMachines")
            .Template["variables"]!.ToJsonString().Replace("\\u0027", "'", StringComparison.Ordinal);
        var given = Port().Matches(settings).Where(m => m.Groups["name"].Value != "Health")
            .Select(m => int.Parse(m.Groups["port"].Value, CultureInfo.InvariantCulture)).Order();

        Assert.Equal([25, 110, 465, 587, 995], rules.Select(r => (int)r["frontendPort"]!).Order());
        Assert.Equal(rules.Select(r => (int)r["backendPort"]!).Order(), given);
    }

    [Fact]
    public void Machines_WithoutCertificate_OpenNoPortThatNeedsOne()
    {
        var machine = Machines.Single(ScaleSets)["properties"]!["virtualMachineProfile"]!["osProfile"]!["customData"]!.ToString();

        Assert.All(["Smtp=25", "Submission=587", "Smtps=0", "Pop3=110", "Pop3s=0", "Health=8080"], port => Assert.Contains(
            $"'Edge__Ports__{port}'", machine, StringComparison.Ordinal));
    }

    [Fact]
    public void Container_HasTheMachinesNetwork_AndMayTakePort25WithoutRights()
    {
        Assert.Contains("--network host", CloudInit, StringComparison.Ordinal);
        Assert.Contains("--user 1654:1654", CloudInit, StringComparison.Ordinal);
        Assert.Contains("net.ipv4.ip_unprivileged_port_start=25\n", CloudInit, StringComparison.Ordinal);
        Assert.True(CloudInit.IndexOf(
            "sysctl --system", StringComparison.Ordinal) < CloudInit.IndexOf("systemctl enable --now", StringComparison.Ordinal));
    }

    [Fact]
    public void Machines_ChangeWhenTheScriptSaysSo_BecauseAutomaticUpgradesDoNotKnowTheirImage()
    {
        var set = Machines.Single(ScaleSets)["properties"]!;
        var image = set["virtualMachineProfile"]!["storageProfile"]!["imageReference"]!;

        Assert.Equal("ubuntu-24_04-lts server", $"{image["offer"]} {image["sku"]}");
        Assert.Equal("Manual", (string?)set["upgradePolicy"]!["mode"]);
        Assert.False((bool)set["upgradePolicy"]!["automaticOSUpgradePolicy"]!["enableAutomaticOSUpgrade"]!);
    }

    [Fact]
    public void Machines_RunTheImageThatTheScriptBuilds_WhateverContainerAppsRan()
    {
        var machine = Machines.Single(ScaleSets)["properties"]!["virtualMachineProfile"]!["osProfile"]!["customData"]!.ToString();

        Assert.Contains("'@IMAGE@', 'to', format('{0}/edge:latest'", machine, StringComparison.Ordinal);
        Assert.Contains("--image edge:latest", File.ReadAllText(Path.Combine(Repository.Root, "infra", "hooks", "edge-machines.sh")),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("edgeHosting = 'vmss'", 2)]
    [InlineData("edgeHosting = 'vmss'|edgeMinInstances = 3", 3)]
    public void Machines_AreTwo_UnlessSaidOtherwise(string parameters, int expected)
    {
        var predicted = Prediction.Of(parameters.Split('|'));
        var scaling = predicted.Single("Microsoft.Insights/autoscaleSettings")["properties"]!["profiles"]![0]!["capacity"]!;

        Assert.Equal(expected, (int)predicted.Single(ScaleSets)["sku"]!["capacity"]!);
        Assert.Equal(expected.ToString(CultureInfo.InvariantCulture), (string?)scaling["minimum"]);
    }

    [GeneratedRegex(@"'Edge__Ports__(?<name>\w+)', 'value', (if\(variables\('hasCertificate'\), )?'(?<port>\d+)'")]
    private static partial Regex Port();
}
