using System.Net;
using System.Net.Sockets;
using DnsClient;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Routing;

/// <summary>The addresses of a host that may be connected to.</summary>
/// <param name="Reachable">IPv6 first.</param>
/// <param name="HasInside">It has further ones: inside addresses that the postmaster has not allowed.</param>
/// <param name="IsKnown">False: DNS did not answer, or can't be asked for such a name.</param>
/// <param name="IsAuthentic">The resolver says that the answers are (RFC 6840 §5.8).</param>
internal sealed record HostAddresses(IReadOnlyList<IPAddress> Reachable, bool HasInside, bool IsKnown, bool IsAuthentic)
{
    private static readonly HostAddresses Unknown = new([], false, false, false);

    public static async Task<HostAddresses> FindAsync(
        LookupClient dns, RelayOptions options, string host, CancellationToken cancellationToken)
    {
        try
        {
            var answers = await Task.WhenAll(
                dns.QueryAsync(host, QueryType.AAAA, cancellationToken: cancellationToken),
                dns.QueryAsync(host, QueryType.A, cancellationToken: cancellationToken));
            List<IPAddress> found =
                [.. answers[0].Answers.AaaaRecords().Select(r => r.Address), .. answers[1].Answers.ARecords().Select(r => r.Address)];
            List<IPAddress> reachable = [.. found.Where(options.MayReach).Select(InsideAddresses.ToDial)];
            return found.Count == 0
                && answers.Any(a => a.Header.ResponseCode is not (DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain))
                ? Unknown
                : new HostAddresses(reachable, reachable.Count < found.Count, true, answers.All(a => a.Header.IsAuthenticData));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // No answer, or a name that DNS can't hold: the next host is still tried.
            return Unknown;
        }
    }

    /// <summary>Connects to the first that answers; for our HTTPS requests to other domains.</summary>
    /// <exception cref="SocketException">There is none, or none answers.</exception>
    public async Task<Stream> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        SocketException? last = null;
        foreach (var address in Reachable)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address, port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                last = e;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }
}
