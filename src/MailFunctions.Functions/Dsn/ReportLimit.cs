using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Dsn;

/// <summary>
/// How many reports an address gets in an hour: forged senders must not turn reports into a flood (backscatter). A rewritten
/// sender counts as the original one, and an address with a tag as the one without.
/// </summary>
/// <param name="srs">Null: senders are not rewritten here.</param>
internal sealed class ReportLimit(IReportAllowance allowance, ReportOptions options, SrsRewriter? srs)
{
    public async Task<bool> TakeAsync(string address, string report, DateTimeOffset at, CancellationToken cancellationToken)
    {
        if (options.PerHour == 0)
        {
            return true;
        }

        var to = EmailAddress.ParseReversePath(address) is { } parsed
            ? (srs?.Unwrap(parsed) ?? parsed).WithoutTag().ToCanonicalString()
            : address;
        return await allowance.TakeAsync(to, report, at, options.PerHour, cancellationToken);
    }
}
