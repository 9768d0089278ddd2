using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound;

namespace MailFunctions.Functions.Dsn;

/// <summary>
/// How many reports an address gets in an hour: who sends us mail under a forged name must not make us send the mail of a
/// flood. A rewritten sender counts as the one behind it, and a tag makes no other address.
/// </summary>
internal sealed class ReportLimit(IReportAllowance allowance, RelayOptions options, TimeProvider time)
{
    private readonly SrsRewriter? _srs = options.CreateSrs(time);

    public async Task<bool> TakeAsync(string address, string report, DateTimeOffset at, CancellationToken cancellationToken)
    {
        if (options.ReportsPerHour == 0)
        {
            return true;
        }

        var to = EmailAddress.ParseReversePath(address) is { } parsed ? (_srs?.Unwrap(parsed) ?? parsed).WithoutTag().ToCanonicalString() : address;
        return await allowance.TakeAsync(to, report, at, options.ReportsPerHour, cancellationToken);
    }
}
