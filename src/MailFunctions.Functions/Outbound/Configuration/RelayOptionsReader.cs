using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Configuration;

/// <summary>Reads the section `Relay`: every fault names its key.</summary>
internal static class RelayOptionsReader
{
    private const string Section = RelayOptions.Section;
    private const int SubmissionPort = 587;
    private const int DnsPort = 53;

    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static RelayOptions Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        var routes = section.GetSection("Routes").GetChildren().Select(ReadRoute).ToList();
        if (ReadHost(section, Section + "__") is { } smarthost)
        {
            routes.Add(new RelayRoute("*", smarthost));
        }

        var defaults = new RelayOptions();
        var resolver = ReadResolver(section);
        return new RelayOptions
        {
            HostName = configuration["MailHostName"] ?? defaults.HostName,
            Routes = routes,
            Schedule = new RetrySchedule
            {
                Waits = section["Retry"] is { Length: > 0 } waits
                    ? [.. waits.Split(',', StringSplitOptions.TrimEntries).Select(w => Span("Retry", w))]
                    : defaults.Schedule.Waits,
                GiveUpAfter = Span(section, "GiveUpAfter", defaults.Schedule.GiveUpAfter),
                WarnAfter = Span(section, "WarnAfter", defaults.Schedule.WarnAfter),
            },
            SrsKey = section["SrsKey"] switch
            {
                null or "" => null,
                { Length: < 16 } => throw new ValidationException($"{Section}__SrsKey: use 16 characters or more."),
                var key => key,
            },
            ConnectTimeout = Span(section, "ConnectTimeout", defaults.ConnectTimeout),
            AttemptTimeout = Span(section, "AttemptTimeout", defaults.AttemptTimeout),
            MxPort = section["MxPort"] is { Length: > 0 } port ? Port("MxPort", port) : defaults.MxPort,
            CommandTimeout = Span(section, "CommandTimeout", defaults.CommandTimeout),
            MaxConnections = Number(section, "MaxConnections", 1, 1000, defaults.MaxConnections),
            MessagesPerMinute = Number(section, "MessagesPerMinute", 0, 1_000_000, defaults.MessagesPerMinute),
            MaxRecipients = Number(section, "MaxRecipients", 1, JobSplitter.MaxRecipients, defaults.MaxRecipients),
            ReportsPerHour = Number(section, "ReportsPerHour", 0, 10_000, defaults.ReportsPerHour),
            MaxHosts = Number(section, "MaxHosts", 1, 20, defaults.MaxHosts),
            AllowedNetworks = section["AllowedNetworks"] is { Length: > 0 } networks
                ? [.. networks.Split(',', StringSplitOptions.TrimEntries).Select(Network)]
                : defaults.AllowedNetworks,
            Resolver = resolver,
            Dnssec = section["Dnssec"] switch
            {
                // The path to a resolver on the same machine is safe.
                null or "" => resolver is not null && IPAddress.IsLoopback(resolver.Address),
                var text when bool.TryParse(text, out var trusted) => trusted,
                var text => throw new ValidationException($"{Section}__Dnssec: '{text}' is not true or false."),
            },
        };
    }

    private static RelayRoute ReadRoute(IConfigurationSection route)
    {
        var prefix = $"{Section}__Routes__{route.Key}__";
        return new RelayRoute(Pattern(route), ReadHost(route, prefix) ?? throw new ValidationException($"{prefix}Smarthost is missing."));
    }

    private static IPEndPoint? ReadResolver(IConfigurationSection section) => section["Resolver"] is not { Length: > 0 } resolver ? null
        : IPEndPoint.TryParse(resolver, out var address) ? (address.Port == 0 ? new IPEndPoint(address.Address, DnsPort) : address)
        : throw new ValidationException($"{Section}__Resolver: '{resolver}' is not an IP address with or without a port.");

    private static string Pattern(IConfigurationSection route)
    {
        var key = $"{Section}__Routes__{route.Key}__Domain";
        var text = route["Domain"] ?? throw new ValidationException($"{key} is missing.");
        var wildcard = text.StartsWith("*.", StringComparison.Ordinal);
        return text == "*" ? text
            : DomainName.TryNormalize(wildcard ? text[2..] : text, out var domain) ? (wildcard ? "*." : "") + domain
            : throw new ValidationException($"{key}: '{text}' is not a domain, nor one behind `*.`.");
    }

    private static RelayHost? ReadHost(IConfigurationSection section, string prefix)
    {
        if (section["Smarthost"] is not { Length: > 0 } text)
        {
            return null;
        }

        var colon = text.LastIndexOf(':');
        var (host, port) = colon < 0 ? (text, SubmissionPort) : (text[..colon], Port(prefix + "Smarthost", text[(colon + 1)..]));
        if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
        {
            throw new ValidationException($"{prefix}Smarthost: '{text}' is not host:port.");
        }

        var (user, password) = (section["UserName"], section["Password"]);
        if (string.IsNullOrEmpty(user) != string.IsNullOrEmpty(password))
        {
            throw new ValidationException($"{prefix}UserName and {prefix}Password: give both or neither.");
        }

        var tls = section["Tls"] switch
        {
            // Credentials are never sent in plaintext.
            null or "" => string.IsNullOrEmpty(user) ? RelayTls.Opportunistic : RelayTls.StartTls,
            var name when Enum.TryParse<RelayTls>(name, ignoreCase: true, out var value) && Enum.IsDefined(value) => value,
            var name => throw new ValidationException($"{prefix}Tls: '{name}' is not Opportunistic, StartTls, Implicit or None."),
        };
        if (!string.IsNullOrEmpty(user) && tls is (RelayTls.None or RelayTls.Opportunistic))
        {
            throw new ValidationException($"{prefix}Tls: credentials are sent with StartTls or Implicit only.");
        }

        return new RelayHost(host, port, tls, string.IsNullOrEmpty(user) ? null : user, password);
    }

    private static IPNetwork Network(string text) => IPNetwork.TryParse(text, out var network) ? network
        : throw new ValidationException($"{Section}__AllowedNetworks: '{text}' is not a network in CIDR form, such as 10.0.0.0/8.");

    private static int Port(string key, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw new ValidationException($"{key}: '{text}' is not a port.");

    private static int Number(IConfigurationSection section, string name, int least, int most, int otherwise) =>
        section[name] is not { Length: > 0 } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
        : throw new ValidationException($"{Section}__{name}: '{text}' is not a number from {least} to {most}.");

    private static TimeSpan Span(IConfigurationSection section, string name, TimeSpan otherwise) =>
        section[name] is { Length: > 0 } text ? Span(name, text) : otherwise;

    private static TimeSpan Span(string name, string text) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var span) && span > TimeSpan.Zero
            ? span
            : throw new ValidationException($"{Section}__{name}: '{text}' is not a time span such as 00:05:00.");
}
