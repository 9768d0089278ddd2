namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// Whether a message keeps coming in at the least rate, in octets a second; 0: no bound. It is measured anew after each
/// minute of waiting for the client, so that much sent at once buys no hours of silence, and time that this server
/// takes is not the client's.
/// </summary>
internal sealed class DataPace(int leastRate)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private TimeSpan _waited;
    private long _octets;

    /// <summary>Counts a piece and the wait for it; false when the minute that ends with it brought too little.</summary>
    public bool Take(long octets, TimeSpan waited)
    {
        _waited += waited;
        _octets += octets;
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
