using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace MailFunctions.Local.Host;

/// <summary>Reads and checks a published app before anything is started.</summary>
internal sealed partial class FunctionAppReader(string root, Func<string, string?> setting)
{
    private const int MaxFileOctets = 1024 * 1024;
    private const int DefaultConcurrentCalls = 16;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(5);
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 32 };

    /// <exception cref="FunctionAppException">Says which file is wrong, and how.</exception>
    public FunctionApp Read()
    {
        if (!Directory.Exists(root))
        {
            throw new FunctionAppException($"There is no function app in '{root}'.");
        }

        using var host = ReadFile(Path.Combine(root, "host.json"), "host.json");
        var json = host.RootElement;
        if (Text(json, "version") is not "2.0")
        {
            throw new FunctionAppException("host.json: \"version\" has to be \"2.0\".");
        }

        if (!TryGet(json, "customHandler", out var handler) || !TryGet(handler, "description", out var description)
            || Text(description, "defaultExecutablePath") is not { Length: > 0 } executable)
        {
            throw new FunctionAppException("host.json: customHandler.description.defaultExecutablePath is missing.");
        }

        var path = Path.Combine(root, executable);
        if (!File.Exists(path) && !IsOnPath(executable))
        {
            throw new FunctionAppException($"host.json: defaultExecutablePath '{executable}' is neither a file of the app nor on the PATH.");
        }

        var workingDirectory = Text(description, "workingDirectory") is { Length: > 0 } given ? Path.Combine(root, given) : root;
        return new FunctionApp
        {
            Root = root,
            Executable = File.Exists(path) ? Path.GetFullPath(path) : executable,
            WorkingDirectory = workingDirectory,
            Arguments = ReadArguments(description),
            FunctionTimeout = ReadTimeout(json),
            RoutePrefix = TryGet(json, "extensions", out var extensions) && TryGet(extensions, "http", out var http) && Text(http, "routePrefix") is { } prefix
                ? prefix.Trim('/')
                : "api",
            MaxConcurrentCalls = ReadConcurrency(json),
            Functions = [.. Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal).Select(ReadFunction).OfType<FunctionDefinition>()],
        };
    }

    private IReadOnlyList<string> ReadArguments(JsonElement description) =>
        [.. Texts(description, "arguments", "host.json").Select(a => Resolve(a, "host.json"))];

    private bool IsOnPath(string program) => (setting("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Any(d => File.Exists(Path.Combine(d, program)));

    private static List<string> Texts(JsonElement element, string name, string where)
    {
        if (!TryGet(element, name, out var listed))
        {
            return [];
        }

        return listed.ValueKind == JsonValueKind.Array && listed.EnumerateArray().All(i => i.ValueKind == JsonValueKind.String)
            ? listed.EnumerateArray().Select(i => i.GetString()!).ToList()
            : throw new FunctionAppException($"{where}: \"{name}\" is not a list of strings.");
    }

    private static TimeSpan ReadTimeout(JsonElement json) => Text(json, "functionTimeout") switch
    {
        null => DefaultTimeout,
        var text when TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var timeout) && timeout > TimeSpan.Zero => timeout,
        var text => throw new FunctionAppException($"host.json: functionTimeout \"{text}\" is not a time span such as \"00:05:00\"."),
    };

    private static int ReadConcurrency(JsonElement json)
    {
        if (!TryGet(json, "extensions", out var extensions) || !TryGet(extensions, "serviceBus", out var bus) || !TryGet(bus, "maxConcurrentCalls", out var calls))
        {
            return DefaultConcurrentCalls;
        }

        return calls.ValueKind == JsonValueKind.Number && calls.TryGetInt32(out var number) && number is >= 1 and <= 1000
            ? number
            : throw new FunctionAppException("host.json: extensions.serviceBus.maxConcurrentCalls is not a number from 1 to 1000.");
    }

    /// <summary>Null for a folder without `function.json`.</summary>
    private FunctionDefinition? ReadFunction(string folder)
    {
        var file = Path.Combine(folder, "function.json");
        if (!File.Exists(file))
        {
            return null;
        }

        var name = Path.GetFileName(folder);
        var where = $"{name}/function.json";
        if (!FunctionName().IsMatch(name) || name.Equals("host", StringComparison.OrdinalIgnoreCase))
        {
            throw new FunctionAppException($"{where}: '{name}' can't be a function's name: a letter, then letters, digits, _ and -, 128 in all, and not 'host'.");
        }

        using var json = ReadFile(file, where);
        if (!TryGet(json.RootElement, "bindings", out var bindings) || bindings.ValueKind != JsonValueKind.Array)
        {
            throw new FunctionAppException($"{where}: \"bindings\" is missing.");
        }

        if (TryGet(json.RootElement, "disabled", out var disabled) && disabled.ValueKind == JsonValueKind.True)
        {
            return null;
        }

        var inputs = bindings.EnumerateArray().Where(b => Text(b, "direction") is null or "in").ToList();
        var outputs = bindings.EnumerateArray().Where(b => Text(b, "direction") is "out").ToList();
        var trigger = inputs.Count == 1 ? inputs[0] : throw new FunctionAppException($"{where}: exactly one trigger is needed and no other input is known here.");
        return Text(trigger, "type")?.ToUpperInvariant() switch
        {
            "HTTPTRIGGER" => ReadHttp(name, trigger, outputs, where),
            "SERVICEBUSTRIGGER" when outputs.Count == 0 => ReadQueue(name, trigger, where),
            "TIMERTRIGGER" when outputs.Count == 0 => ReadTimer(name, trigger, where),
            "SERVICEBUSTRIGGER" or "TIMERTRIGGER" => throw new FunctionAppException($"{where}: output bindings are not known here."),
            var type => throw new FunctionAppException($"{where}: the trigger '{type}' is not known; use httpTrigger, serviceBusTrigger or timerTrigger."),
        };
    }

    private static HttpFunction ReadHttp(string name, JsonElement trigger, List<JsonElement> outputs, string where)
    {
        if (outputs.Count != 1 || Text(outputs[0], "type") is not "http")
        {
            throw new FunctionAppException($"{where}: an HTTP function is forwarded only with exactly one output, of type http.");
        }

        var level = Text(trigger, "authLevel")?.ToUpperInvariant() switch
        {
            null or "FUNCTION" => AuthLevel.Function,
            "ANONYMOUS" => AuthLevel.Anonymous,
            "ADMIN" => AuthLevel.Admin,
            var other => throw new FunctionAppException($"{where}: authLevel '{other}' is not anonymous, function or admin."),
        };
        var methods = Texts(trigger, "methods", where).Select(m => m.ToUpperInvariant()).ToHashSet();
        var route = Text(trigger, "route") ?? name;
        try
        {
            var known = new RouteOptions().ConstraintMap;
            var constraints = Microsoft.AspNetCore.Routing.Patterns.RoutePatternFactory.Parse(route).ParameterPolicies.Values.SelectMany(p => p).Select(p => p.Content);
            if (constraints.FirstOrDefault(c => c is not null && !known.ContainsKey(c.Split('(')[0])) is { } unknown)
            {
                throw new FunctionAppException($"{where}: the route '{route}' has the constraint '{unknown}', which is not known.");
            }
        }
        catch (Microsoft.AspNetCore.Routing.Patterns.RoutePatternException e)
        {
            throw new FunctionAppException($"{where}: the route '{route}' is wrong: {e.Message}");
        }

        return new HttpFunction(name, route, methods, level);
    }

    private QueueFunction ReadQueue(string name, JsonElement trigger, string where) => new(
        name,
        Required(trigger, "name", where),
        Resolve(Required(trigger, "queueName", where), where),
        Text(trigger, "connection") ?? "AzureWebJobsServiceBus",
        Text(trigger, "dataType") is "binary");

    private TimerFunction ReadTimer(string name, JsonElement trigger, string where)
    {
        var text = Resolve(Required(trigger, "schedule", where), where);
        return new TimerFunction(
            name,
            Required(trigger, "name", where),
            TimerSchedule.Parse(text) ?? throw new FunctionAppException($"{where}: the schedule '{text}' is no NCRONTAB expression and no time span."),
            TryGet(trigger, "runOnStartup", out var run) && run.ValueKind == JsonValueKind.True);
    }

    /// <summary>Replaces `%NAME%` by settings.</summary>
    private string Resolve(string text, string where) => SettingReference().Replace(text, match =>
        setting(match.Groups[1].Value) ?? throw new FunctionAppException($"{where}: the setting '{match.Groups[1].Value}' is not set."));

    private static JsonDocument ReadFile(string path, string where)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists)
            {
                throw new FunctionAppException($"{where} is missing.");
            }

            return file.Length <= MaxFileOctets
                ? JsonDocument.Parse(File.ReadAllBytes(path), Lenient)
                : throw new FunctionAppException($"{where} is larger than {MaxFileOctets} octets.");
        }
        catch (JsonException e)
        {
            throw new FunctionAppException($"{where} is not JSON: line {e.LineNumber + 1}, octet {e.BytePositionInLine + 1}.");
        }
    }

    private static string Required(JsonElement element, string name, string where) =>
        Text(element, name) is { Length: > 0 } text ? text : throw new FunctionAppException($"{where}: \"{name}\" is missing.");

    private static string? Text(JsonElement element, string name) =>
        TryGet(element, name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool TryGet(JsonElement element, string name, out JsonElement value)
    {
        value = default;
        return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out value);
    }

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_-]{0,127}$")]
    private static partial Regex FunctionName();

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex SettingReference();
}
