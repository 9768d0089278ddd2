using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Routing;

/// <summary>Where mail for a domain goes.</summary>
internal abstract record Destination
{
    /// <summary>To the first of these that answers.</summary>
    public sealed record Hosts(IReadOnlyList<RelayHost> InOrder) : Destination;

    /// <summary>It can't be delivered, and waiting does not help.</summary>
    /// <param name="Status">RFC 3463 status.</param>
    public sealed record Nowhere(string Status, string Reason) : Destination;

    /// <summary>The lookup failed; it may succeed later.</summary>
    public sealed record Unknown(string Status, string Reason) : Destination;
}

/// <summary>Finds where mail of a domain goes by DNS (RFC 5321 §5.1).</summary>
internal interface IMailExchanges
{
    Task<Destination> FindAsync(string domain, CancellationToken cancellationToken);
}
