using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace MailFunctions.TestKit;

/// <summary>Ports of 127.0.0.1 that nobody has at the moment.</summary>
public static class FreePorts
{
    private static readonly ConcurrentDictionary<int, byte> Given = new();

    /// <summary>Never the same one twice: the system may offer again what nobody has taken yet.</summary>
    public static int Next()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            if (Given.TryAdd(port, 0))
            {
                return port;
            }
        }
    }

    /// <summary>An offset at which every one of <paramref name="ports"/> is free.</summary>
    public static int NextOffset(params ReadOnlySpan<int> ports)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            // All ports stay below 32768: from there on the system takes them for outgoing connections.
            var offset = Random.Shared.Next(300, 22_000) / 20 * 20;
            var free = true;
            foreach (var port in ports)
            {
                free &= IsFree(port + offset);
            }

            if (free)
            {
                return offset;
            }
        }

        throw new InvalidOperationException("No offset with free ports was found.");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
