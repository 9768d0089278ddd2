using System.Diagnostics;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>The scripts run whole, with programs in place of `az` and the like that write down how they were called.</summary>
public sealed class HookRunTests : IDisposable
{
    private readonly TemporaryDirectory _programs = new();

    public HookRunTests() => Program("sleep", ":");

    public void Dispose() => _programs.Dispose();

    [Fact]
    public void EdgeMachines_MakesEachAnewByTheNewModel_AndWaitsForItsHealthBeforeTheNext()
    {
        Program("az", """
            case "$2" in
              list-instances) printf '0\n2\n' ;;
              get-instance-view) [ -e "$0.asked" ] && echo HealthState/healthy || { : > "$0.asked"; echo HealthState/unhealthy; } ;;
            esac
            """);

        Assert.Equal(0, Run("edge-machines.sh").ExitCode);

        string[] steps = ["run-command", "update-instances", "reimage", "get-instance-view"];
        Assert.Equal(
            [
                "acr build", "vmss list-instances", .. steps.Select(s => $"vmss {s} 0"), "vmss get-instance-view 0",
                .. steps.Select(s => $"vmss {s} 2")],
            Calls("az").Select(Short));
    }

    [Fact]
    public void EdgeMachines_WhenAMachineStaysIll_LeavesTheOthersAlone()
    {
        Program("az", """case "$2" in list-instances) printf '0\n2\n' ;; get-instance-view) echo HealthState/unhealthy ;; esac""");

        var (exitCode, errors) = Run("edge-machines.sh");

        Assert.Equal(1, exitCode);
        Assert.Contains("Machine 0 is not healthy", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("vmss reimage 2", Calls("az").Select(Short));
    }

    private static string Short(string call)
    {
        var words = call.Split(' ');
        var id = Array.FindIndex(words, w => w.StartsWith("--instance-id", StringComparison.Ordinal));
        return string.Join(' ', id < 0 ? words.Take(2) : [.. words.Take(2), words[id + 1]]);
    }

    private IEnumerable<string> Calls(string program) => File.ReadLines(_programs.File(program + ".calls"));

    private void Program(string name, string script)
    {
        var file = _programs.File(name);
        File.WriteAllText(file, $"#!/bin/sh\necho \"$*\" >> \"$0.calls\"\n{script}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private (int ExitCode, string Errors) Run(string script)
    {
        var start = new ProcessStartInfo("sh", [Path.Combine(Repository.Root, "infra", "hooks", script)])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["PATH"] = $"{_programs.Path}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["EDGE_HOSTING"] = "vmss";
        start.Environment["AZURE_CONTAINER_REGISTRY_NAME"] = "registry";
        start.Environment["AZURE_RESOURCE_GROUP"] = "rg-mail";
        start.Environment["SERVICE_EDGE_NAME"] = "vmss-edge";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.NotNull(output.Result);
        return (process.ExitCode, errors);
    }
}
