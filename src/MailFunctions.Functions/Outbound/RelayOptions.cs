using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Tls;

namespace MailFunctions.Functions.Outbound;

/// <summary>How a session with a smarthost is protected.</summary>
internal enum RelayTls
{
    /// <summary>STARTTLS when the peer offers it, its certificate not checked (RFC 3207 §4.1 allows both).</summary>
    Opportunistic,

    /// <summary>STARTTLS with a certificate that is checked, or nothing is sent.</summary>
    StartTls,

    /// <summary>TLS from the first octet, its certificate checked.</summary>
    Implicit,

    /// <summary>Plaintext.</summary>
    None,
}

/// <summary>A host that takes mail for others.</summary>
internal sealed record Smarthost(string Host, int Port, RelayTls Tls, string? UserName, string? Password)
{
    /// <summary>Where to connect, when DNS was asked already.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Found by MX, so that what its domain says of TLS counts.</summary>
    public bool IsExchange { get; init; }

    /// <summary>What its TLSA records ask; null: it has none that can be trusted.</summary>
    public DaneRule? Dane { get; init; }

    /// <summary>Whether it has TLSA records could not be found out: it is not to be used (RFC 7672 §2.1.2).</summary>
    public bool IsDaneUnknown { get; init; }

    // A record would print its members: passwords never reach a log.
    public override string ToString() => $"{Host}:{Port}";
}

/// <summary>A fixed way for a domain, or for all below one (`*.example.com`, `*`).</summary>
internal sealed record RelayRoute(string Pattern, Smarthost Host)
{
    public bool Matches(string domain) =>
        Pattern == "*" || Pattern == domain
            || (Pattern.StartsWith("*.", StringComparison.Ordinal) && domain.EndsWith(Pattern[1..], StringComparison.Ordinal));
}

/// <summary>Section `Relay`.</summary>
internal sealed record RelayOptions
{
    public const string Section = "Relay";
    private const int SubmissionPort = 587;
    private const int DnsPort = 53;

    /// <summary>Our name in EHLO and in reports.</summary>
    public string HostName { get; init; } = "localhost";

    /// <summary>First match wins; the smarthost is the last of them, as `*`.</summary>
    public IReadOnlyList<RelayRoute> Routes { get; init; } = [];

    public RetrySchedule Schedule { get; init; } = new();

    /// <summary>Secret of the senders rewritten for forwarded mail; null: they are not rewritten.</summary>
    public string? SrsKey { get; init; }

    /// <summary>Reports about strangers' mail to one address in an hour, from all processes; 0: as many as there are.</summary>
    public int ReportsPerHour { get; init; } = 20;

    public SrsRewriter? CreateSrs(TimeProvider time) => SrsKey is { } key ? new SrsRewriter(Encoding.UTF8.GetBytes(key), time) : null;

    // A record would print its members: secrets never reach a log.
    public override string ToString() => nameof(RelayOptions);

    /// <summary>For a connection, its greeting and TLS.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For a whole attempt; the function timeout of the host is 5 minutes.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>
    /// For one answer of a peer, or for one piece of content that it takes (RFC 5321 §4.5.3.2, as far as an attempt lasts).
    /// </summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Jobs to one destination at once, from one process.</summary>
    public int MaxConnections { get; init; } = 20;

    /// <summary>Jobs to one destination a minute, from one process; 0: as many as there are.</summary>
    public int MessagesPerMinute { get; init; }

    /// <summary>Recipients of one transaction; a job with more of them makes several in one connection.</summary>
    public int MaxRecipients { get; init; } = JobSplitter.MaxRecipients;

    /// <summary>The port of hosts found by MX (RFC 5321 §4.5.4.2); another one for tests only.</summary>
    public int MxPort { get; init; } = 25;

    /// <summary>The DNS resolver, or null: the machine's own.</summary>
    public IPEndPoint? Resolver { get; init; }

    /// <summary>For one question to it.</summary>
    public TimeSpan ResolverTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The resolver's word that an answer is authentic is believed (RFC 7672 §2.1.3), so that TLSA records count.</summary>
    public bool Dnssec { get; init; }

    /// <summary>Hosts tried in one attempt.</summary>
    public int MaxHosts { get; init; } = 5;

    /// <summary>Inside networks that DNS and address literals may lead to; fixed hosts need none.</summary>
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>Whether an address that others gave may be connected to.</summary>
    public bool MayReach(IPAddress address) =>
        !InsideAddresses.Contains(address) || InsideAddresses.Forms(address).Any(f => AllowedNetworks.Any(n => n.Contains(f)));

    /// <summary>Authorities in place of the system's; for tests.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static RelayOptions Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        var routes = section.GetSection("Routes").GetChildren().Select(r => new RelayRoute(
            Pattern(r), ReadHost(r, $"{Section}__Routes__{r.Key}__")
                ?? throw new ValidationException($"{Section}__Routes__{r.Key}__Smarthost is missing."))).ToList();
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
                // Nobody stands between this process and a resolver on the same machine.
                null or "" => resolver is not null && IPAddress.IsLoopback(resolver.Address),
                var text when bool.TryParse(text, out var trusted) => trusted,
                var text => throw new ValidationException($"{Section}__Dnssec: '{text}' is not true or false."),
            },
        };
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

    private static Smarthost? ReadHost(IConfigurationSection section, string prefix)
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
            // Credentials never go over a line that somebody may listen to.
            null or "" => string.IsNullOrEmpty(user) ? RelayTls.Opportunistic : RelayTls.StartTls,
            var name when Enum.TryParse<RelayTls>(name, ignoreCase: true, out var value) && Enum.IsDefined(value) => value,
            var name => throw new ValidationException($"{prefix}Tls: '{name}' is not Opportunistic, StartTls, Implicit or None."),
        };
        if (!string.IsNullOrEmpty(user) && tls is (RelayTls.None or RelayTls.Opportunistic))
        {
            throw new ValidationException($"{prefix}Tls: credentials are sent with StartTls or Implicit only.");
        }

        return new Smarthost(host, port, tls, string.IsNullOrEmpty(user) ? null : user, password);
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
