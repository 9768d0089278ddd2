using MailFunctions.Core.Messages;

namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// Whether a message keeps coming in at the least rate, in octets a second; 0: no bound. It is measured anew after each
/// minute of waiting for the client, so that much sent at once buys no hours of silence, and time that this server
/// takes is not the client's. One pace covers a message, with the gaps between its chunks.
/// </summary>
/// <param name="leastRate">Octets a second; 0: no bound.</param>
/// <param name="time">The clock.</param>
/// <param name="room">What the message holds, which goes by the pace, too; null: nothing.</param>
internal sealed class DataPace(int leastRate, TimeProvider time, MessageRoom? room)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private TimeSpan _waited;
    private long _octets;
    private long? _asked;

    /// <summary>The session waits for the client.</summary>
    public void BeginWait()
    {
        _asked = time.GetTimestamp();
        room?.BeginWait();
    }

    /// <summary>Counts a piece, and the wait for it if there was one; false when the minute that ends with it brought too little.</summary>
    public bool EndWait(long octets)
    {
        room?.EndWait(octets);
        _octets += octets;
        if (_asked is not { } asked)
        {
            return true;
        }

        _waited += time.GetElapsedTime(asked);
        _asked = null;
        if (_waited > Window)
        {
            if (_octets < leastRate * _waited.TotalSeconds)
            {
                return false;
            }

            (_waited, _octets) = (TimeSpan.Zero, 0);
        }

        return true;
    }
}
