using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Configuration;

/// <summary>A fixed route for a domain, or for all below one (`*.example.com`, `*`).</summary>
internal sealed record RelayRoute(string Pattern, RelayHost Host)
{
    public bool Matches(string domain) =>
        Pattern == "*" || Pattern == domain
        || (Pattern.StartsWith("*.", StringComparison.Ordinal) && domain.EndsWith(Pattern[1..], StringComparison.Ordinal));
}
