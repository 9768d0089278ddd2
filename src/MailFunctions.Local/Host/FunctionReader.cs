using System.Text.Json;
using System.Text.RegularExpressions;
using MailFunctions.Local.Host.App;
using MailFunctions.Local.Host.Rpc;
using Microsoft.AspNetCore.Routing.Patterns;

namespace MailFunctions.Local.Host;

/// <summary>Reads and checks what the worker says its functions are. Those that a setting disables are left out.</summary>
internal sealed partial class FunctionReader(Func<string, string?> setting)
{
    /// <exception cref="FunctionAppException">Says which function is wrong, and how.</exception>
    public IReadOnlyList<FunctionDefinition> Read(IEnumerable<RpcFunctionMetadata> functions) =>
    [
        .. functions.Where(f => !IsDisabled(f.Name)).OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => Read(f.Name, f.RawBindings)),
    ];

    private bool IsDisabled(string function) => setting($"AzureWebJobs.{function}.Disabled")?.ToUpperInvariant() is "TRUE" or "1";

    internal FunctionDefinition Read(string name, IReadOnlyList<string> rawBindings)
    {
        if (!FunctionName().IsMatch(name) || name.Equals("host", StringComparison.OrdinalIgnoreCase))
        {
            throw new FunctionAppException(
                $"'{name}' can't be a function's name: a letter, then letters, digits, _ and -, 128 in all, and not 'host'.");
        }

        var bindings = rawBindings.Select(b => JsonFile.Parse(b, $"{name}: a binding")).ToList();
        try
        {
            return Read(name, [.. bindings.Select(b => b.RootElement)]);
        }
        finally
        {
            bindings.ForEach(b => b.Dispose());
        }
    }

    private FunctionDefinition Read(string name, List<JsonElement> bindings)
    {
        var inputs = bindings.Where(b => Direction(b) is "IN").ToList();
        var outputs = bindings.Where(b => Direction(b) is not "IN").ToList();
        var trigger = inputs.Count == 1
            ? inputs[0]
            : throw new FunctionAppException($"{name}: exactly one trigger is needed and no other input is known here.");
        var type = JsonFile.Text(trigger, "type");
        if (outputs.Any(o => JsonFile.Text(o, "type") is not "http"))
        {
            throw new FunctionAppException($"{name}: output bindings are not known here.");
        }

        return type?.ToUpperInvariant() switch
        {
            "HTTPTRIGGER" => ReadHttp(name, trigger),
            "SERVICEBUSTRIGGER" => ReadQueue(name, trigger),
            "TIMERTRIGGER" => ReadTimer(name, trigger),
            _ => throw new FunctionAppException(
                $"{name}: the trigger '{type}' is not known; use httpTrigger, serviceBusTrigger or timerTrigger."),
        };
    }

    private static string Direction(JsonElement binding) => JsonFile.Text(binding, "direction")?.ToUpperInvariant() ?? "IN";

    private static HttpFunction ReadHttp(string name, JsonElement trigger)
    {
        var level = JsonFile.Text(trigger, "authLevel")?.ToUpperInvariant() switch
        {
            null or "FUNCTION" => AuthLevel.Function,
            "ANONYMOUS" => AuthLevel.Anonymous,
            "ADMIN" => AuthLevel.Admin,
            var other => throw new FunctionAppException($"{name}: authLevel '{other}' is not anonymous, function or admin."),
        };
        var methods = JsonFile.Texts(trigger, "methods", name).Select(m => m.ToUpperInvariant()).ToHashSet();
        var route = JsonFile.Text(trigger, "route") ?? name;
        try
        {
            var known = new RouteOptions().ConstraintMap;
            var constraints = RoutePatternFactory.Parse(route).ParameterPolicies.Values.SelectMany(p => p).Select(p => p.Content);
            if (constraints.FirstOrDefault(c => c is not null && !known.ContainsKey(c.Split('(')[0])) is { } unknown)
            {
                throw new FunctionAppException($"{name}: the route '{route}' has the constraint '{unknown}', which is not known.");
            }
        }
        catch (RoutePatternException e)
        {
            throw new FunctionAppException($"{name}: the route '{route}' is wrong: {e.Message}");
        }

        return new HttpFunction(name, JsonFile.Required(trigger, "name", name), route, methods, level);
    }

    private QueueFunction ReadQueue(string name, JsonElement trigger)
    {
        if (JsonFile.Member(trigger, "properties", "supportsDeferredBinding") is not { ValueKind: JsonValueKind.String } deferred
            || !deferred.ValueEquals("True"))
        {
            throw new FunctionAppException($"{name}: this host gives bus messages as ServiceBusReceivedMessage only.");
        }

        return new QueueFunction(
            name,
            JsonFile.Required(trigger, "name", name),
            Resolve(JsonFile.Required(trigger, "queueName", name), name),
            JsonFile.Text(trigger, "connection") ?? "AzureWebJobsServiceBus");
    }

    private TimerFunction ReadTimer(string name, JsonElement trigger)
    {
        var text = Resolve(JsonFile.Required(trigger, "schedule", name), name);
        return new TimerFunction(
            name,
            JsonFile.Required(trigger, "name", name),
            TimerSchedule.Parse(text)
                ?? throw new FunctionAppException($"{name}: the schedule '{text}' is no NCRONTAB expression and no time span."),
            JsonFile.Member(trigger, "runOnStartup") is { ValueKind: JsonValueKind.True });
    }

    /// <summary>Replaces `%NAME%` by settings.</summary>
    private string Resolve(string text, string where) => SettingReference().Replace(text, match =>
        setting(match.Groups[1].Value) ?? throw new FunctionAppException($"{where}: the setting '{match.Groups[1].Value}' is not set."));

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_-]{0,127}$")]
    private static partial Regex FunctionName();

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex SettingReference();
}
