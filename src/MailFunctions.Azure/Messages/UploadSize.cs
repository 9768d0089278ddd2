namespace MailFunctions.Azure.Messages;

/// <summary>How much of a message is in memory while it goes up.</summary>
/// <param name="BlockOctets">What is held before it goes up as a block; messages up to this size cost one request.</param>
/// <param name="BlocksInFlight">Blocks of one upload under way at once.</param>
internal sealed record UploadSize(int BlockOctets, int BlocksInFlight)
{
    /// <summary>Of a message that a client sends: a connection costs 256 KiB at most, whatever it sends.</summary>
    public static readonly UploadSize Small = new(80 * 1024, 1);

    /// <summary>Of a message that this system writes itself.</summary>
    public static readonly UploadSize Large = new(1024 * 1024, 2);
}
