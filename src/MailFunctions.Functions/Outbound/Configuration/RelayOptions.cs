using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Configuration;

/// <summary>Section `Relay`.</summary>
internal sealed record RelayOptions
{
    public const string Section = "Relay";

    /// <summary>Our name in EHLO and in reports.</summary>
    public string HostName { get; init; } = "localhost";

    /// <summary>First match wins; a smarthost is the last of them, as `*`.</summary>
    public IReadOnlyList<RelayRoute> Routes { get; init; } = [];

    public RetrySchedule Schedule { get; init; } = new();

    /// <summary>Secret of the senders rewritten for forwarded mail; null: they are not rewritten.</summary>
    public string? SrsKey { get; init; }

    /// <summary>Reports to one address in an hour about mail from others, over all processes; 0: without a limit.</summary>
    public int ReportsPerHour { get; init; } = 20;

    /// <summary>What reports need of these.</summary>
    public ReportOptions Reports => new(HostName, ReportsPerHour, Schedule.WarnAfter, Schedule.GiveUpAfter);

    public SrsRewriter? CreateSrs(TimeProvider time) => SrsKey is { } key ? new SrsRewriter(Encoding.UTF8.GetBytes(key), time) : null;

    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static RelayOptions Read(IConfiguration configuration) => RelayOptionsReader.Read(configuration);

    // A record would print its members: secrets never reach a log.
    public override string ToString() => nameof(RelayOptions);

    /// <summary>For a connection, its greeting and TLS.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For a whole attempt; the function timeout of the host is 5 minutes.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>For one reply of a peer, or for one piece of content that it takes (RFC 5321 §4.5.3.2, within an attempt).</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Jobs to one destination at once, from one process.</summary>
    public int MaxConnections { get; init; } = 20;

    /// <summary>Jobs to one destination a minute, from one process; 0: without a limit.</summary>
    public int MessagesPerMinute { get; init; }

    /// <summary>Recipients of one transaction; a job with more of them makes several in one connection.</summary>
    public int MaxRecipients { get; init; } = JobSplitter.MaxRecipients;

    /// <summary>The port of hosts found by MX (RFC 5321 §4.5.4.2); another one for tests only.</summary>
    public int MxPort { get; init; } = 25;

    /// <summary>The DNS resolver, or null: the machine's own.</summary>
    public IPEndPoint? Resolver { get; init; }

    /// <summary>For one query to it.</summary>
    public TimeSpan ResolverTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The resolver is trusted when it says that an answer is authentic (RFC 7672 §2.1.3), so that TLSA records apply.</summary>
    public bool Dnssec { get; init; }

    /// <summary>Hosts tried in one attempt.</summary>
    public int MaxHosts { get; init; } = 5;

    /// <summary>Inside networks that DNS and address literals may lead to; fixed hosts are not restricted.</summary>
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>Whether an address found by DNS or in an address literal may be connected to.</summary>
    public bool MayReach(IPAddress address) =>
        !InsideAddresses.Contains(address) || InsideAddresses.Forms(address).Any(f => AllowedNetworks.Any(n => n.Contains(f)));

    /// <summary>Authorities in place of the system's; for tests.</summary>
    public X509Certificate2Collection? Authorities { get; init; }
}
