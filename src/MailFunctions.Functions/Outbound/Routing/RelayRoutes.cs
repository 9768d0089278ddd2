using MailFunctions.Functions.Outbound.Configuration;

namespace MailFunctions.Functions.Outbound.Routing;

/// <summary>Fixed routes first, then the smarthost, then DNS.</summary>
internal sealed class RelayRoutes(RelayOptions options, IMailExchanges exchanges)
{
    public async Task<Destination> FindAsync(string domain, CancellationToken cancellationToken) =>
        options.Routes.FirstOrDefault(r => r.Matches(domain)) is { } route
            ? new Destination.Hosts([route.Host])
            : await exchanges.FindAsync(domain, cancellationToken);
}
