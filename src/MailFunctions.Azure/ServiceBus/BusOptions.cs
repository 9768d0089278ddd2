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

    /// <summary>0: the protocol's own.</summary>
    public int Port { get; private init; }

    /// <summary>AMQP over TLS; only the emulators go without.</summary>
    public bool UseTls { get; private init; } = true;

    /// <summary>Null: Entra ID.</summary>
    public string? KeyName { get; private init; }

    public string? SharedAccessKey { get; init; }

    /// <summary>Base of the HTTP administration; in Azure the namespace itself.</summary>
    public required Uri Management { get; init; }

    /// <summary>Longest time a send or request may take, with all its tries.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest time for connecting, once.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Sends of one queue that may be unsettled at once; more wait.</summary>
    public int MaxUnsettledSends { get; init; } = 128;

    /// <summary>Life of a SAS token; renewed when two thirds of it are over.</summary>
    public TimeSpan TokenLifetime { get; init; } = TimeSpan.FromHours(1);

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
            var name when Uri.CheckHostName(name) == UriHostNameType.Dns => new BusOptions { Host = name, Management = ManagementUri(management, $"https://{name}/") },
            var name => throw new ValidationException($"{Key}__fullyQualifiedNamespace: '{name}' is not a host name."),
        };
    }

    /// <summary>Parses a Service Bus connection string.</summary>
    /// <exception cref="ValidationException">Names the part that is missing or wrong, never the key.</exception>
    public static BusOptions Parse(string connectionString, string? management = null)
    {
        var parts = connectionString.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(p => p.Split('=', 2))
            .GroupBy(p => p[0], StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.First().ElementAtOrDefault(1) ?? "", StringComparer.OrdinalIgnoreCase);
        if (!Uri.TryCreate(parts.GetValueOrDefault("Endpoint"), UriKind.Absolute, out var endpoint) || endpoint.Scheme != "sb")
        {
            throw new ValidationException($"{Key}: Endpoint=sb://… is missing or no address.");
        }

        if (parts.GetValueOrDefault("SharedAccessKeyName") is not { Length: > 0 } name || parts.GetValueOrDefault("SharedAccessKey") is not { Length: > 0 } key)
        {
            throw new ValidationException($"{Key}: SharedAccessKeyName and SharedAccessKey are needed.");
        }

        var emulator = bool.TryParse(parts.GetValueOrDefault("UseDevelopmentEmulator"), out var set) && set;
        return new BusOptions
        {
            Host = endpoint.Host,
            Port = endpoint.IsDefaultPort ? 0 : endpoint.Port,
            UseTls = !emulator,
            KeyName = name,
            SharedAccessKey = key,
            Management = ManagementUri(management, emulator ? $"http://{endpoint.Host}:5300/" : $"https://{endpoint.Host}/"),
        };
    }

    private static Uri ManagementUri(string? configured, string otherwise) =>
        Uri.TryCreate(configured is { Length: > 0 } ? configured : otherwise, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new ValidationException($"{ManagementKey}: '{configured}' is not an http or https address.");

    // A record would print its members: the key never reaches a log.
    private bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append("Host = ").Append(Host);
        return true;
    }
}
