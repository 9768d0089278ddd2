using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Local.Stack;

/// <summary>The ports of the design (§4), all on 127.0.0.1, moved by one offset.</summary>
internal sealed record StackPorts(int Offset)
{
    public int Smtp => 2525 + Offset;
    public int Submission => 2587 + Offset;
    public int Smtps => 2465 + Offset;
    public int Pop3 => 2110 + Offset;
    public int Pop3s => 2995 + Offset;
    public int Host => 7071 + Offset;
    public int EdgeHealth => 8080 + Offset;
    public int Blob => 10000 + Offset;
    public int Queue => 10001 + Offset;
    public int Table => 10002 + Offset;
    public int Bus => 5672 + Offset;
    public int BusManagement => 5300 + Offset;
    public int Sink => 2526 + Offset;

    private IEnumerable<(string Name, int Port)> All() =>
    [
        ("SMTP", Smtp), ("submission", Submission), ("SMTPS", Smtps), ("POP3", Pop3), ("POP3S", Pop3s), ("functions host", Host),
        ("edge health", EdgeHealth), ("Azurite blobs", Blob), ("Azurite queues", Queue), ("Azurite tables", Table), ("bus", Bus),
        ("bus management", BusManagement), ("SMTP sink", Sink),
    ];

    /// <exception cref="StackException">A port is in use, or is none.</exception>
    public void CheckFree()
    {
        foreach (var (name, port) in All())
        {
            if (port is < 1 or > IPEndPoint.MaxPort)
            {
                throw new StackException($"--port-offset {Offset}: {port} ({name}) is not a port.");
            }

            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
            }
            catch (SocketException)
            {
                throw new StackException(
                    $"Port {port} ({name}) is in use: end the program that has it, or start with another --port-offset.");
            }
        }
    }
}
