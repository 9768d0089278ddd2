using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using MailFunctions.Local.Stack;

namespace MailFunctions.Local.Admin;

/// <summary>
/// Which system a command is for: a stack on this machine, a function app by its address, or the one of an azd environment.
/// </summary>
internal sealed class AdminTarget
{
    public const string KeyVariable = "MAILFUNCTIONS_ADMIN_KEY";

    private readonly Option<DirectoryInfo> _data = new("--data")
    {
        Description = "The data directory of a running stack",
        DefaultValueFactory = _ => new DirectoryInfo(".local"),
        Recursive = true,
    };

    private readonly Option<string?> _url = new("--url")
    {
        Description = "A function app instead, as https://app.example.net",
        Recursive = true,
    };

    private readonly Option<string?> _key = new("--key") { Description = $"Its key; else {KeyVariable} is read", Recursive = true };

    private readonly Option<string?> _azd = new("--azd")
    {
        Description =
            "The system of an azd environment, by its name or else the selected one; azd and az say where it is and what its key is",
        Arity = ArgumentArity.ZeroOrOne,
        Recursive = true,
    };

    public void AddTo(Command command)
    {
        command.Add(_data);
        command.Add(_url);
        command.Add(_key);
        command.Add(_azd);
    }

    /// <exception cref="AdminException">There is no such system.</exception>
    public async Task<HttpClient> ConnectAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (url, key) = (parsed.GetValue(_url), parsed.GetValue(_key) ?? Environment.GetEnvironmentVariable(KeyVariable));
        if (url is null)
        {
            (url, key) = parsed.GetResult(_azd) is not null
                ? await AskAzdAsync(parsed.GetValue(_azd), key, cancellationToken)
                : ReadStack(parsed.GetValue(_data)!, key);
        }

        if (!Uri.TryCreate(url.TrimEnd('/') + "/", UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new AdminException($"--url '{url}': use an address such as https://app.example.net.");
        }

        // The key goes in clear otherwise.
        if (address is { Scheme: "http", IsLoopback: false })
        {
            throw new AdminException($"--url '{url}': use https, so that the key can't be read on its way.");
        }

        if (string.IsNullOrEmpty(key))
        {
            throw new AdminException($"The key is missing: give --key, or set {KeyVariable}.");
        }

        var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false })
        {
            BaseAddress = address,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        http.DefaultRequestHeaders.TryAddWithoutValidation("x-functions-key", key);
        return http;
    }

    private static (string Url, string? Key) ReadStack(DirectoryInfo data, string? key)
    {
        var path = Path.Combine(data.FullName, StackInfo.FileName);
        var stack = File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), StackJson.Default.StackInfo) : null;
        return stack is null
            ? throw new AdminException($"No stack runs on {data}: start one, name its --data directory, or give --url and --key, or --azd.")
            : (stack.AdminUrl, key ?? stack.AdminKey);
    }

    private static async Task<(string Url, string? Key)> AskAzdAsync(string? environment, string? key, CancellationToken cancellationToken)
    {
        var said =
            await RunAsync("azd", ["env", "get-values", .. environment is null ? (string[])[] : ["-e", environment]], cancellationToken);
        var values = said.Split('\n').Select(l => l.Trim().Split('=', 2)).Where(p => p.Length == 2)
            .DistinctBy(p => p[0])
            .ToDictionary(p => p[0], p => p[1].Trim('"'));
        return (
            Value("SERVICE_FUNCTIONS_URI"),
            key ?? (await RunAsync(
                OperatingSystem.IsWindows() ? "az.cmd" : "az",
                [
                    "functionapp", "keys", "list", "--resource-group", Value("AZURE_RESOURCE_GROUP"), "--name",
                    Value("SERVICE_FUNCTIONS_NAME"),
                    "--query", "functionKeys.default", "--output", "tsv",
                ],
                cancellationToken)).Trim());

        string Value(string name) => values.GetValueOrDefault(name) is { Length: > 0 } value
            ? value
            : throw new AdminException(
                $"The azd environment {environment ?? "that is selected"} has no {name}: deploy it with `azd up` first.");
    }

    private static async Task<string> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0
                ? await output
                : throw new AdminException($"`{program} {string.Join(' ', arguments)}` failed: {(await errors).Trim()}");
        }
        catch (Win32Exception)
        {
            throw new AdminException($"`{program}` is not installed, or not in the PATH: give --url and --key instead of --azd.");
        }
    }
}
