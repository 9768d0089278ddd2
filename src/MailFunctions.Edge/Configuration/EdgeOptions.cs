using System.Net;
using MailFunctions.Core.Messages;

namespace MailFunctions.Edge.Configuration;

/// <summary>Section `Edge`: who we are, where we listen, how many may come.</summary>
internal sealed class EdgeOptions
{
    public const string Section = "Edge";

    /// <summary>The longest that a message waits for room in memory, before it is answered with 451.</summary>
    public static readonly TimeSpan WaitForRoom = TimeSpan.FromSeconds(30);

    /// <summary>Name in greetings and `Received:` fields: a domain that resolves to this edge.</summary>
    public string HostName { get; set; } = "localhost";

    /// <summary>Address to bind: `0.0.0.0`, `::` (both families), or one address.</summary>
    public string Address { get; set; } = "::";

    public PortOptions Ports { get; set; } = new();

    /// <summary>Takes passwords without TLS: for loopback tests only.</summary>
    public bool AllowPlaintextCredentials { get; set; }

    /// <summary>From SIGTERM until sessions that still run are cut off.</summary>
    public TimeSpan GracePeriod { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>Sessions at once, over all listeners.</summary>
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>Sessions that may begin in a second, over all listeners; 0: as many as come.</summary>
    public int MaxNewConnectionsPerSecond { get; set; }

    /// <summary>Sessions at once from one IPv4 address or IPv6 /64.</summary>
    public int MaxConnectionsPerClient { get; set; } = 100;

    /// <summary>Octets of messages in memory at once, over all sessions.</summary>
    public long MaxOctetsInFlight { get; set; } = 64 * 1024 * 1024;

    /// <summary>Of these, octets of the messages of one IPv4 address or IPv6 /64.</summary>
    public long MaxOctetsPerClient { get; set; } = 8 * 1024 * 1024;

    /// <summary>Of these, octets of the messages of one IPv4 /24 or IPv6 /48.</summary>
    public long MaxOctetsPerNetwork { get; set; } = 16 * 1024 * 1024;

    /// <summary>Listeners behind a proxy that sends a PROXY header, by their names in <see cref="PortOptions"/>.</summary>
    public string[] ProxyProtocol { get; set; } = [];

    /// <summary>Networks (CIDR) of the proxies: their connections to those listeners begin with the header, others have none.</summary>
    public string[] TrustedProxies { get; set; } = [];

    /// <summary>The memory of messages, in these shares.</summary>
    public MessageMemory MemoryOf(ByteBudget all, TimeProvider time) =>
        new(all, MaxOctetsPerClient, MaxOctetsPerNetwork, WaitForRoom, time);

    /// <summary>The faults of these settings, each a sentence that names its key.</summary>
    public IEnumerable<string> Faults()
    {
        if (string.IsNullOrWhiteSpace(HostName) || Uri.CheckHostName(HostName) == UriHostNameType.Unknown)
        {
            yield return $"Edge__HostName: '{HostName}' is not a host name.";
        }

        if (!IPAddress.TryParse(Address, out _))
        {
            yield return $"Edge__Address: '{Address}' is not an IP address; use 0.0.0.0 or :: for all of them.";
        }

        foreach (var (name, port) in Ports.All().Where(p => p.Port is < 0 or > 65535))
        {
            yield return $"Edge__Ports__{name}: {port} is not a port; use 1 to 65535, or 0 to switch it off.";
        }

        foreach (var twice in Ports.All().Where(p => p.Port != 0).GroupBy(p => p.Port).Where(g => g.Count() > 1))
        {
            yield return $"Edge__Ports: {string.Join(" and ", twice.Select(p => p.Name))} both want port {twice.Key}.";
        }

        if (GracePeriod < TimeSpan.Zero || GracePeriod > TimeSpan.FromHours(1))
        {
            yield return $"Edge__GracePeriod: {GracePeriod} is out of range; use 00:00:00 to 01:00:00.";
        }

        if (MaxConnections < 1)
        {
            yield return $"Edge__MaxConnections: {MaxConnections} must be 1 or more.";
        }

        if (MaxNewConnectionsPerSecond < 0)
        {
            yield return $"Edge__MaxNewConnectionsPerSecond: {MaxNewConnectionsPerSecond} must be 0 (no limit) or more.";
        }

        if (MaxConnectionsPerClient < 1)
        {
            yield return $"Edge__MaxConnectionsPerClient: {MaxConnectionsPerClient} must be 1 or more.";
        }

        if (MaxOctetsInFlight < 1024 * 1024)
        {
            yield return $"Edge__MaxOctetsInFlight: {MaxOctetsInFlight} must be 1048576 or more.";
        }

        if (MaxOctetsPerClient < 1024 * 1024 || MaxOctetsPerNetwork < 1024 * 1024)
        {
            yield return "Edge__MaxOctetsPerClient and Edge__MaxOctetsPerNetwork must be 1048576 or more.";
        }

        foreach (var network in TrustedProxies.Where(n => !IPNetwork.TryParse(n, out _)))
        {
            yield return $"Edge__TrustedProxies: '{network}' is not a network in CIDR form, such as 10.0.0.0/8.";
        }

        foreach (var name in ProxyProtocol.Where(n => !PortOptions.MailListeners.Contains(n, StringComparer.OrdinalIgnoreCase)))
        {
            var listeners = string.Join(", ", PortOptions.MailListeners);
            yield return $"Edge__ProxyProtocol: '{name}' is not a listener; use {listeners}.";
        }

        if (ProxyProtocol.Length > 0 != TrustedProxies.Length > 0)
        {
            yield return "Edge__ProxyProtocol and Edge__TrustedProxies belong together: the listeners that expect a header, "
                + "and the networks that may send one.";
        }
    }
}

/// <summary>Ports of the listeners; 0 switches one off.</summary>
internal sealed class PortOptions
{
    public int Smtp { get; set; } = 25;
    public int Submission { get; set; } = 587;
    public int Smtps { get; set; } = 465;
    public int Pop3 { get; set; } = 110;
    public int Pop3s { get; set; } = 995;
    public int Health { get; set; } = 8080;

    /// <summary>Names of the listeners for mail.</summary>
    public static IReadOnlyList<string> MailListeners { get; } =
        [nameof(Smtp), nameof(Submission), nameof(Smtps), nameof(Pop3), nameof(Pop3s)];

    public IEnumerable<(string Name, int Port)> All() =>
        [("Smtp", Smtp), ("Submission", Submission), ("Smtps", Smtps), ("Pop3", Pop3), ("Pop3s", Pop3s), ("Health", Health)];
}
