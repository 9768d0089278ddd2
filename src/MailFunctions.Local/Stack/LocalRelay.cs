using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Local.Stack;

/// <summary>What `--relay` and `--resolver` say of mail that leaves.</summary>
/// <param name="ByMx">To the hosts that DNS names; else to the sink, or to a smarthost of the user's settings.</param>
/// <param name="Resolver">Address and port of the resolver to ask; null: the machine's.</param>
internal sealed record LocalRelay(bool ByMx, string? Resolver)
{
    private const int DnsPort = 53;

    /// <exception cref="StackException">The options don't go together, or name no resolver.</exception>
    public static LocalRelay Parse(string relay, string? resolver) => (relay, resolver) switch
    {
        ("mx", null) => new LocalRelay(true, null),
        ("mx", _) => new LocalRelay(true, Address(resolver).ToString()),
        (_, null) => new LocalRelay(false, null),
        _ => throw new StackException("--resolver is for mail that leaves by MX: add --relay mx."),
    };

    public string Describe() => ByMx ? $"by MX, DNS from {Resolver ?? "this machine's resolver"}" : "by Relay__Smarthost";

    private static IPEndPoint Address(string resolver)
    {
        if (IPEndPoint.TryParse(resolver, out var literal))
        {
            return literal.Port == 0 ? new IPEndPoint(literal.Address, DnsPort) : literal;
        }

        var colon = resolver.LastIndexOf(':');
        var host = colon < 0 ? resolver : resolver[..colon];
        var port = DnsPort;
        if (host.Length > 0 && (colon < 0 || (ushort.TryParse(resolver.AsSpan(colon + 1), out var given) && (port = given) > 0)))
        {
            try
            {
                return new IPEndPoint(Dns.GetHostAddresses(host)[0], port);
            }
            catch (Exception e) when (e is SocketException or ArgumentException or IndexOutOfRangeException)
            {
                // No host has this name.
            }
        }

        throw new StackException($"--resolver {resolver}: use the address and port of a DNS resolver, as 127.0.0.1:5353.");
    }
}
