using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Where the bus is: the key `ServiceBusConnection`.</summary>
public sealed record BusOptions
{
    public const string Key = "ServiceBusConnection";
    public const string ManagementKey = "ServiceBusManagementEndpoint";

    /// <summary>Host name or address, without scheme.</summary>
    public required string Host { get; init; }

    /// <summary>Null: Entra ID.</summary>
    public string? ConnectionString { get; private init; }

    /// <summary>Where counts are asked; in Azure the namespace itself.</summary>
    public required Uri Management { get; init; }

    /// <summary>The same with the administration's host and port in place of the bus's.</summary>
    internal string? ManagementConnectionString { get; private init; }

    /// <summary>Longest time an operation may take, with all its tries.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>Reads `ServiceBusConnection`, or `ServiceBusConnection__fullyQualifiedNamespace` for Entra ID.</summary>
    /// <exception cref="ValidationException">Says which key is missing or wrong.</exception>
    public static BusOptions Read(IConfiguration configuration)
    {
        var management = configuration[ManagementKey];
        if (configuration[Key] is { Length: > 0 } connectionString)
        {
            return Parse(connectionString, management);
        }

        return configuration[$"{Key}:fullyQualifiedNamespace"] switch
        {
            null or "" => throw new ValidationException(
                $"{Key} is missing: set it to a connection string, or {Key}__fullyQualifiedNamespace to name.servicebus.windows.net."),
            var name when Uri.CheckHostName(name) == UriHostNameType.Dns =>
                new BusOptions { Host = name, Management = ManagementUri(management, $"https://{name}/") },
            var name => throw new ValidationException($"{Key}__fullyQualifiedNamespace: '{name}' is not a host name."),
        };
    }

    /// <summary>
    /// Parses a Service Bus connection string. What the SDK gets is made of the parts, since its own parser takes any
    /// scheme.
    /// </summary>
    /// <exception cref="ValidationException">Names the part that is missing or wrong, never the key.</exception>
    public static BusOptions Parse(string connectionString, string? management = null)
    {
        var parts = connectionString.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(p => p.Split('=', 2))
            .GroupBy(p => p[0], StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.First().ElementAtOrDefault(1) ?? "", StringComparer.OrdinalIgnoreCase);
        if (!Uri.TryCreate(parts.GetValueOrDefault("Endpoint"), UriKind.Absolute, out var endpoint)
            || endpoint is not { Scheme: "sb", Host.Length: > 0 })
        {
            throw new ValidationException($"{Key}: Endpoint=sb://… is missing or no address.");
        }

        var (keyName, accessKey, accessSignature) =
        (
            parts.GetValueOrDefault("SharedAccessKeyName"),
            parts.GetValueOrDefault("SharedAccessKey"),
            parts.GetValueOrDefault("SharedAccessSignature"));
        var secret = (keyName, accessKey, accessSignature) switch
        {
            ({ Length: > 0 } name, { Length: > 0 } key, _) => $"SharedAccessKeyName={name};SharedAccessKey={key}",
            (null or "", null or "", { Length: > 0 } signature) => $"SharedAccessSignature={signature}",
            _ => throw new ValidationException($"{Key}: SharedAccessKeyName and SharedAccessKey are needed, or SharedAccessSignature."),
        };
        var emulator = bool.TryParse(parts.GetValueOrDefault("UseDevelopmentEmulator"), out var set) && set;
        var administration = ManagementUri(management, emulator ? $"http://{endpoint.Host}:5300/" : $"https://{endpoint.Host}/");
        return new BusOptions
        {
            Host = endpoint.Host,
            Management = administration,
            ConnectionString = Join(endpoint),
            ManagementConnectionString = Join(administration),
        };

        string Join(Uri address) => $"Endpoint=sb://{address.Authority}/;{secret}{(emulator ? ";UseDevelopmentEmulator=true" : "")}";
    }

    private static Uri ManagementUri(string? configured, string otherwise) =>
        Uri.TryCreate(configured is { Length: > 0 } ? configured : otherwise, UriKind.Absolute, out var uri)
            && uri.Scheme is "http" or "https"
            ? uri
            : throw new ValidationException($"{ManagementKey}: '{configured}' is not an http or https address.");

    // A record would print its members: the key never reaches a log.
    private bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append("Host = ").Append(Host);
        return true;
    }
}
