using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Core.Messages;

/// <summary>
/// The memory of all messages under way. One client, and one network, have a share of it, so that a few can't take all; of
/// many that hold it and bring nothing, the slowest leave when others wait.
/// </summary>
/// <param name="all">Over the whole process.</param>
/// <param name="perClient">Octets of the messages of one IPv4 address or IPv6 /64.</param>
/// <param name="perNetwork">Octets of the messages of one IPv4 /24 or IPv6 /48.</param>
/// <param name="longestWait">For room in these shares; null: without end.</param>
/// <param name="time">The clock.</param>
public sealed class MessageMemory(ByteBudget all, long perClient, long perNetwork, TimeSpan? longestWait, TimeProvider time)
{
    /// <summary>How much faster a message has to come in than another to take its place.</summary>
    private const double Faster = 2;

    private static readonly TimeSpan LooksAgain = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<MessageRoom> _rooms = [];
    private readonly Dictionary<IPAddress, Share> _clients = [];
    private readonly Dictionary<IPAddress, Share> _networks = [];

    /// <summary>Octets not taken now.</summary>
    public long Free => all.Free;

    /// <summary>Memory without a bound.</summary>
    public static MessageMemory Unbounded() => new(new ByteBudget(long.MaxValue), long.MaxValue, long.MaxValue, null, TimeProvider.System);

    /// <summary>A message of this client begins; to be disposed of.</summary>
    public MessageRoom Open(IPAddress client)
    {
        lock (_lock)
        {
            var room = new MessageRoom(
                this, time, Join(_clients, Prefix(client, 32, 64), perClient), Join(_networks, Prefix(client, 24, 48), perNetwork));
            _rooms.Add(room);
            return room;
        }
    }

    internal void Close(MessageRoom room)
    {
        lock (_lock)
        {
            if (_rooms.Remove(room))
            {
                Leave(_clients, room.Client);
                Leave(_networks, room.Network);
            }
        }
    }

    internal bool TryTake(MessageRoom room, long amount)
    {
        if (!room.Client.Budget.TryTake(amount))
        {
            return false;
        }

        if (room.Network.Budget.TryTake(amount))
        {
            if (all.TryTake(amount))
            {
                return true;
            }

            room.Network.Budget.Release(amount);
        }

        room.Client.Budget.Release(amount);
        return false;
    }

    internal async ValueTask TakeAsync(MessageRoom room, long amount, CancellationToken cancellationToken)
    {
        // Always in this order, and what is scarce last: none waits for a share while it holds the memory of all.
        await TakeAsync(room.Client.Budget, r => r.Client == room.Client, room, amount, cancellationToken);
        try
        {
            await TakeAsync(room.Network.Budget, r => r.Network == room.Network, room, amount, cancellationToken);
            try
            {
                await TakeAsync(all, static _ => true, room, amount, cancellationToken);
            }
            catch
            {
                room.Network.Budget.Release(amount);
                throw;
            }
        }
        catch
        {
            room.Client.Budget.Release(amount);
            throw;
        }
    }

    internal void Release(MessageRoom room, long amount)
    {
        all.Release(amount);
        room.Network.Budget.Release(amount);
        room.Client.Budget.Release(amount);
    }

    private async ValueTask TakeAsync(
        ByteBudget budget, Func<MessageRoom, bool> others, MessageRoom room, long amount, CancellationToken cancellationToken)
    {
        if (budget.TryTake(amount))
        {
            return;
        }

        var waiting = budget.TakeAsync(amount, cancellationToken);
        var again = time.CreateTimer(_ => EvictSlower(others, room, amount), null, TimeSpan.Zero, LooksAgain);
        await using (again)
        {
            await waiting;
        }
    }

    /// <summary>Those that are much slower than this one leave, the slowest first, until there is room for it.</summary>
    private void EvictSlower(Func<MessageRoom, bool> others, MessageRoom room, long amount)
    {
        var pace = room.Pace / Faster;
        List<MessageRoom> slower;
        lock (_lock)
        {
            slower =
            [
                .. _rooms.Where(r => r != room && r.CanLeave && others(r))
                    .Select(static r => (Room: r, r.Pace)).Where(r => r.Pace < pace)
                    .OrderBy(static r => r.Pace).Select(static r => r.Room),
            ];
        }

        foreach (var other in slower)
        {
            if (amount <= 0)
            {
                return;
            }

            amount -= other.Held;
            other.Evict();
        }
    }

    private Share Join(Dictionary<IPAddress, Share> shares, IPAddress key, long octets)
    {
        if (!shares.TryGetValue(key, out var share))
        {
            shares.Add(key, share = new Share(key, new ByteBudget(octets, longestWait)));
        }

        share.Rooms++;
        return share;
    }

    private static void Leave(Dictionary<IPAddress, Share> shares, Share share)
    {
        if (--share.Rooms == 0)
        {
            shares.Remove(share.Key);
        }
    }

    private static IPAddress Prefix(IPAddress address, int bits4, int bits6)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var octets = address.GetAddressBytes();
        octets.AsSpan((address.AddressFamily == AddressFamily.InterNetworkV6 ? bits6 : bits4) / 8).Clear();
        return new IPAddress(octets);
    }

    /// <summary>What the messages of one client, or of one network, may hold together.</summary>
    internal sealed class Share(IPAddress key, ByteBudget budget)
    {
        public IPAddress Key => key;

        public ByteBudget Budget => budget;

        public int Rooms { get; set; }
    }
}
