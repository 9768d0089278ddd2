using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MailFunctions.TestKit;

/// <summary>A DNS server on 127.0.0.1 over UDP: what a test put into it, and for all other names that they do not exist.</summary>
public sealed class DnsServer : IAsyncDisposable
{
    private const int Mx = 15;
    private const int A = 1;
    private const int Aaaa = 28;
    private const int Txt = 16;
    private const int Srv = 33;
    private const int Tlsa = 52;

    private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly ConcurrentDictionary<string, List<(int Type, byte[] Data)>> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _serving;

    public DnsServer() => _serving = ServeAsync();

    public IPEndPoint EndPoint => (IPEndPoint)_socket.Client.LocalEndPoint!;

    /// <summary>The response code for a name, such as 2 for SERVFAIL; null: as usual.</summary>
    public Func<string, int?> Trouble { get; init; } = _ => null;

    /// <summary>Answers about these names are said to be authentic, as a resolver says that validates (RFC 6840 §5.8).</summary>
    public Func<string, bool> Authentic { get; set; } = _ => false;

    /// <summary>Seconds that answers may be kept.</summary>
    public byte TimeToLive { get; init; } = 60;

    public ConcurrentQueue<string> Questions { get; } = [];

    public DnsServer AddMx(string name, int preference, string exchange)
    {
        var data = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(data, (ushort)preference);
        return Add(name, Mx, [.. data, .. Name(exchange)]);
    }

    public DnsServer AddAddress(string name, string address)
    {
        var octets = IPAddress.Parse(address).GetAddressBytes();
        return Add(name, octets.Length == 4 ? A : Aaaa, octets);
    }

    public DnsServer AddText(string name, string text) =>
        Add(name, Txt, [.. text.Chunk(255).SelectMany(c => (byte[])[(byte)c.Length, .. Encoding.ASCII.GetBytes(c)])]);

    public DnsServer AddService(string name, int port, string target)
    {
        var data = new byte[6];
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), (ushort)port);
        return Add(name, Srv, [.. data, .. Name(target)]);
    }

    public DnsServer AddTlsa(string name, int usage, int selector, int matching, byte[] data) =>
        Add(name, Tlsa, [(byte)usage, (byte)selector, (byte)matching, .. data]);

    /// <summary>Takes all records of a name away.</summary>
    public void Remove(string name) => _names.TryRemove(name, out _);

    /// <summary>A name that exists and has no records.</summary>
    public DnsServer AddEmpty(string name)
    {
        _names.TryAdd(name, []);
        return this;
    }

    private DnsServer Add(string name, int type, byte[] data)
    {
        _names.GetOrAdd(name, _ => []).Add((type, data));
        return this;
    }

    private async Task ServeAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var question = await _socket.ReceiveAsync(_stopping.Token);
                await _socket.SendAsync(Answer(question.Buffer), question.RemoteEndPoint, _stopping.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    // RFC 1035 §4.1
    private byte[] Answer(byte[] question)
    {
        var (name, end) = ReadName(question, 12);
        var type = BinaryPrimitives.ReadUInt16BigEndian(question.AsSpan(end));
        Questions.Enqueue($"{name} {type}");
        var code = Trouble(name) ?? (_names.ContainsKey(name) ? 0 : 3);
        var records = code == 0 ? _names[name].Where(r => r.Type == type).ToList() : [];
        var answer = new MemoryStream();
        answer.Write(question.AsSpan(0, 2));
        answer.Write([0x81, (byte)(0x80 | (Authentic(name) ? 0x20 : 0) | code), 0, 1, 0, (byte)records.Count, 0, 0, 0, 0]);
        answer.Write(question.AsSpan(12, end + 4 - 12));
        foreach (var (_, data) in records)
        {
            // The name by pointer, type, class IN.
            answer.Write([0xC0, 12, 0, (byte)type, 0, 1, 0, 0, 0, TimeToLive, (byte)(data.Length >> 8), (byte)data.Length]);
            answer.Write(data);
        }

        return answer.ToArray();
    }

    private static (string Name, int End) ReadName(byte[] message, int at)
    {
        var labels = new List<string>();
        while (message[at] != 0)
        {
            labels.Add(Encoding.ASCII.GetString(message, at + 1, message[at]));
            at += message[at] + 1;
        }

        return (string.Join('.', labels), at + 1);
    }

    private static byte[] Name(string name) =>
        [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(l => (byte[])[(byte)l.Length, .. Encoding.Latin1.GetBytes(l)]),
        0];

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _socket.Dispose();
        await _serving;
        _stopping.Dispose();
    }
}
