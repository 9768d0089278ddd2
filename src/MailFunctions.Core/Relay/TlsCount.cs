namespace MailFunctions.Core.Relay;

/// <summary>The number of sessions with the hosts of a domain that had one result on one day (RFC 8460 §4).</summary>
/// <param name="Policy">One of <see cref="TlsPolicyType"/>.</param>
/// <param name="Result">One of <see cref="TlsResultType"/>.</param>
public sealed record TlsCount(DateOnly Day, string Domain, string Policy, string Result, long Sessions);

/// <summary>RFC 8460 §4.4: the policy that applied to a session.</summary>
public static class TlsPolicyType
{
    public const string Tlsa = "tlsa";
    public const string Sts = "sts";
    public const string None = "no-policy-found";
}

/// <summary>RFC 8460 §4.3, and `success`.</summary>
public static class TlsResultType
{
    public const string Success = "success";
    public const string NoStartTls = "starttls-not-supported";
    public const string HostMismatch = "certificate-host-mismatch";
    public const string Expired = "certificate-expired";
    public const string NotTrusted = "certificate-not-trusted";
    public const string Failed = "validation-failure";
    public const string TlsaInvalid = "tlsa-invalid";
    public const string DnssecInvalid = "dnssec-invalid";
    public const string StsFetch = "sts-policy-fetch-error";
    public const string StsInvalid = "sts-policy-invalid";
    public const string StsWebPki = "sts-webpki-invalid";
}

/// <summary>The days in the table `tls`. Methods throw <see cref="Messages.StoreUnavailableException"/>.</summary>
public interface ITlsCountStore
{
    /// <summary>Writes what one process has counted on a day so far; writing it again replaces it.</summary>
    /// <param name="instance">Names the process: no two that run at once have the same.</param>
    Task WriteAsync(string instance, IReadOnlyList<TlsCount> counts, CancellationToken cancellationToken);

    /// <summary>Counts of all processes, by day, domain and policy.</summary>
    /// <param name="domain">Of this one only; null: of all.</param>
    /// <param name="after">Only what comes behind this domain and policy on the first day; null: all.</param>
    IAsyncEnumerable<TlsCount> ReadAsync(
        DateOnly from, DateOnly to, string? domain, (string Domain, string Policy)? after, CancellationToken cancellationToken);
}
