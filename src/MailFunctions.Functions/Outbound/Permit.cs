namespace MailFunctions.Functions.Outbound;

/// <summary>Whether a job may go to its destination now.</summary>
internal abstract record Permit
{
    /// <summary>It may, until <see cref="DestinationLimits.Leave"/>.</summary>
    public sealed record Granted(string Destination, string Domain, int BackOffs) : Permit;

    /// <summary>Its limit of connections, or of messages a minute, is reached.</summary>
    public sealed record Throttled(DateTimeOffset Until) : Permit;

    /// <summary>The destination asked for less mail: nothing is sent until then.</summary>
    public sealed record BackingOff(DateTimeOffset Until) : Permit;
}
