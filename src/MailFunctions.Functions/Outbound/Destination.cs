namespace MailFunctions.Functions.Outbound;

/// <summary>Where the mail of a domain is taken to.</summary>
internal abstract record Destination
{
    /// <summary>To the first of these that answers.</summary>
    public sealed record Hosts(IReadOnlyList<Smarthost> InOrder) : Destination;

    /// <summary>Nowhere, and waiting will not help.</summary>
    /// <param name="Status">RFC 3463 status.</param>
    public sealed record Nowhere(string Status, string Reason) : Destination;

    /// <summary>It can't be said now.</summary>
    public sealed record Unknown(string Status, string Reason) : Destination;
}

/// <summary>Finds where mail of a domain goes by DNS (RFC 5321 §5.1).</summary>
internal interface IMailExchanges
{
    Task<Destination> FindAsync(string domain, CancellationToken cancellationToken);
}

/// <summary>Fixed routes first, then the smarthost, then DNS.</summary>
internal sealed class RelayRoutes(RelayOptions options, IMailExchanges exchanges)
{
    public async Task<Destination> FindAsync(string domain, CancellationToken cancellationToken) =>
        options.Routes.FirstOrDefault(r => r.Matches(domain)) is { } route
            ? new Destination.Hosts([route.Host])
            : await exchanges.FindAsync(domain, cancellationToken);
}
