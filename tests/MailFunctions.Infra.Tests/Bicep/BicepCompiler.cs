using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;
using MailFunctions.TestKit;

namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>The real compiler, run from its package's folder.</summary>
internal static class BicepCompiler
{
    private static readonly string Package = typeof(BicepCompiler).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "BicepCompiler").Value!;

    /// <summary>The ARM template of a file under `infra/`, and what the compiler said about it.</summary>
    public static (JsonNode Template, string Diagnostics) Build(string file)
    {
        var (output, errors) = Run("build", file, "--stdout");
        return (JsonNode.Parse(output.Length > 0 ? output : "{}")!, errors);
    }

    /// <summary>What the linter says about a file under `infra/`.</summary>
    public static string Lint(string file)
    {
        var (output, errors) = Run("lint", file);
        return output + errors;
    }

    /// <summary>The resources that a `.bicepparam` file comes to, as written beside it.</summary>
    public static JsonNode Predict(string file)
    {
        var (output, errors) = Run("snapshot", file, "--mode", "overwrite", "--subscription-id", Guid.Empty.ToString());
        var snapshot = Path.ChangeExtension(file, "snapshot.json");
        return File.Exists(snapshot) ? JsonNode.Parse(File.ReadAllText(snapshot))! : throw new InvalidOperationException(output + errors);
    }

    private static (string Output, string Errors) Run(string command, string file, params string[] options)
    {
        using var process =
            Process.Start(new ProcessStartInfo(Executable.Value, [command, Path.Combine(Repository.Root, "infra", file), .. options])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return (output.Result, errors.Result);
    }

    // A package does not keep the executable bit for everyone, and its folder may belong to somebody else.
    private static readonly Lazy<string> Executable = new(() =>
    {
        if (OperatingSystem.IsWindows() || File.GetUnixFileMode(Package).HasFlag(UnixFileMode.UserExecute))
        {
            return Package;
        }

        var copy = Path.Combine(Directory.CreateTempSubdirectory("mailfunctions-test-").FullName, "bicep");
        File.Copy(Package, copy);
        File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return copy;
    });
}
