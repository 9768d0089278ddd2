using System.Text.Json.Nodes;
using Xunit;

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>The edge on Container Apps: ports, scale, probes, image.</summary>
public sealed class ContainersTests(ArmTemplate template)
{
    private const string ContainerApps = "Microsoft.App/containerApps";

    private static readonly JsonNode App = Prediction.Of().Single(ContainerApps)["properties"]!;

    private static JsonNode Container => App["template"]!["containers"]!.AsArray().Single()!;

    [Fact]
    public void Ingress_TakesMailPorts_AndSendsThemToThePortsOfTheEdge()
    {
        var ingress = App["configuration"]!["ingress"]!;
        var ports = Container["env"]!.AsArray().Where(e => ((string)e!["name"]!).StartsWith("Edge__Ports__", StringComparison.Ordinal))
            .Select(e => $"{((string)e!["name"]!)[13..]}={e["value"]}");
        var tls = template.Module("edgeContainers").Variable("tlsPorts")!.AsArray().Select(Pair);

        Assert.Equal("tcp", (string?)ingress["transport"]);
        Assert.True((bool)ingress["external"]!);
        Assert.Equal([(25, 2525), (587, 2587), (110, 2110)], [Pair(ingress), .. ingress["additionalPortMappings"]!.AsArray().Select(Pair)]);
        Assert.Equal([(465, 2465), (995, 2995)], tls);
        Assert.Equal(["Pop3=2110", "Pop3s=0", "Smtp=2525", "Smtps=0", "Submission=2587"], ports.Order(StringComparer.Ordinal));
        Assert.Contains(
            "if(variables('hasCertificate'), variables('tlsPorts'), createArray())",
            template.Module("edgeContainers").Template.ToJsonString().Replace("\\u0027", "'", StringComparison.Ordinal),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Scale_CountsConnections_AndOneReplicaStays()
    {
        var scale = App["template"]!["scale"]!;

        Assert.Equal(1, (int)scale["minReplicas"]!);
        Assert.Equal("500", (string?)scale["rules"]!.AsArray().Single()!["tcp"]!["metadata"]!["concurrentConnections"]);
    }

    [Fact]
    public void Probes_AreThereBeforeTheFirstDeployment_WithinThePlatformsBounds()
    {
        var probes = Container["probes"]!.AsArray().Select(p => p!).ToList();

        Assert.StartsWith("mcr.microsoft.com/k8se/quickstart", (string?)Container["image"], StringComparison.Ordinal);
        Assert.Equal(
            ["Startup /healthz/live", "Liveness /healthz/live", "Readiness /healthz/ready"],
            probes.Select(p => $"{p["type"]} {p["httpGet"]!["path"]}"));
        Assert.All(probes, p => Assert.Equal(8080, (int)p["httpGet"]!["port"]!));
        // The REST API names 10 as the largest failureThreshold, 60 as the longest initialDelaySeconds.
        Assert.All(probes, p => Assert.InRange((int)p["failureThreshold"]!, 1, 10));
        Assert.All(probes, p => Assert.InRange((int?)p["initialDelaySeconds"] ?? 1, 1, 60));
        Assert.InRange((int)probes[0]["periodSeconds"]! * (int)probes[0]["failureThreshold"]!, 180, 240); // the stand-in never passes it
    }

    [Fact]
    public void Provision_OfAnEdgeThatRuns_LeavesItsImage()
    {
        var image = Prediction.Of("edgeExists = true")
            .Single(ContainerApps)["properties"]!["template"]!["containers"]![0]!["image"]!.ToString();

        Assert.Contains("runningImage", image, StringComparison.Ordinal);
        Assert.DoesNotContain("quickstart", image, StringComparison.Ordinal);
        Assert.Contains(
            "containers[0].image", template.Module("runningImage").Template["outputs"]!.ToJsonString(), StringComparison.Ordinal);
    }

    private static (int Exposed, int Target) Pair(JsonNode? port) => ((int)port!["exposedPort"]!, (int)port["targetPort"]!);
}
