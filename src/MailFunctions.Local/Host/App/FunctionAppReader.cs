using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace MailFunctions.Local.Host.App;

/// <summary>Reads and checks a published app before anything is started.</summary>
internal static class FunctionAppReader
{
    private const int DefaultConcurrentCalls = 16;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan DefaultLockRenewal = TimeSpan.FromMinutes(5);

    /// <exception cref="FunctionAppException">Says which file is wrong, and how.</exception>
    public static FunctionApp Read(string root)
    {
        if (!Directory.Exists(root))
        {
            throw new FunctionAppException($"There is no function app in '{root}'.");
        }

        using var host = JsonFile.Read(Path.Combine(root, "host.json"), "host.json");
        var json = host.RootElement;
        if (JsonFile.Text(json, "version") is not "2.0")
        {
            throw new FunctionAppException("host.json: \"version\" has to be \"2.0\".");
        }

        var (executable, arguments) = ReadWorker(root);
        return new FunctionApp
        {
            Root = root,
            Executable = executable,
            Arguments = arguments,
            FunctionTimeout = ReadSpan(json, DefaultTimeout, "functionTimeout"),
            RoutePrefix = JsonFile.Member(json, "extensions", "http", "routePrefix") is { ValueKind: JsonValueKind.String } prefix
                ? prefix.GetString()!.Trim('/')
                : "api",
            MaxConcurrentCalls = ReadConcurrency(json),
            MaxLockRenewal = ReadSpan(json, DefaultLockRenewal, "extensions", "serviceBus", "maxAutoLockRenewalDuration"),
        };
    }

    private static (string Executable, IReadOnlyList<string> Arguments) ReadWorker(string root)
    {
        const string where = "worker.config.json";
        using var json = JsonFile.Read(Path.Combine(root, where), where);
        var description = JsonFile.Member(json.RootElement, "description")
            ?? throw new FunctionAppException($"{where}: \"description\" is missing.");
        if (JsonFile.Text(description, "language") is not "dotnet-isolated")
        {
            throw new FunctionAppException($"{where}: this host runs workers of the language \"dotnet-isolated\" only.");
        }

        var program = JsonFile.Required(description, "defaultExecutablePath", where).Replace("{WorkerRoot}", "", StringComparison.Ordinal);
        var assembly = JsonFile.Required(description, "defaultWorkerPath", where);
        if (!File.Exists(Path.Combine(root, assembly)))
        {
            throw new FunctionAppException($"{where}: defaultWorkerPath '{assembly}' is no file of the app.");
        }

        return program == "dotnet" ? (OwnDotnet(), [Path.Combine(root, assembly)])
            : File.Exists(Path.Combine(root, program)) ? (Path.Combine(root, program), [])
            : throw new FunctionAppException($"{where}: defaultExecutablePath '{program}' is neither \"dotnet\" nor a file of the app.");
    }

    /// <summary>The `dotnet` that runs this program: it need not be on the PATH, and is the version that built the app.</summary>
    private static string OwnDotnet()
    {
        var name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        var own = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(own) ? own : name;
    }

    private static TimeSpan ReadSpan(JsonElement json, TimeSpan otherwise, params ReadOnlySpan<string> path)
    {
        var member = JsonFile.Member(json, path);
        return member is null ? otherwise
            : member is { ValueKind: JsonValueKind.String } text
                && TimeSpan.TryParse(text.GetString(), CultureInfo.InvariantCulture, out var span) && span > TimeSpan.Zero ? span
            : throw new FunctionAppException($"host.json: {string.Join('.', path)} {member} is not a time span such as \"00:05:00\".");
    }

    private static int ReadConcurrency(JsonElement json) => JsonFile.Member(json, "extensions", "serviceBus", "maxConcurrentCalls") switch
    {
        null => DefaultConcurrentCalls,
        { ValueKind: JsonValueKind.Number } calls when calls.TryGetInt32(out var number) && number is >= 1 and <= 1000 => number,
        _ => throw new FunctionAppException("host.json: extensions.serviceBus.maxConcurrentCalls is not a number from 1 to 1000."),
    };
}
