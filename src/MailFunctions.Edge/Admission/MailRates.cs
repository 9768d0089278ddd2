using System.Net;
using System.Threading.RateLimiting;
using MailFunctions.Core.Addresses;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Admission;

/// <summary>How much mail a client, or an account, may bring in an hour.</summary>
internal sealed class MailRates(IOptions<RateOptions> options) : IDisposable
{
    private readonly PartitionedRateLimiter<Sender>? _messages =
        Limiter(options.Value.MessagesPerClient, options.Value.MessagesPerAccount);

    private readonly PartitionedRateLimiter<Sender>? _recipients =
        Limiter(options.Value.RecipientsPerClient, options.Value.RecipientsPerAccount);

    private readonly PartitionedRateLimiter<string>? _reports = options.Value.ReportsPerSender == 0
        ? null
        : PartitionedRateLimiter.Create<string, string>(sender => Bucket(sender, options.Value.ReportsPerSender));

    /// <summary>A report to a sender whose mail was forwarded.</summary>
    public bool TakeReport(EmailAddress sender)
    {
        using var lease = _reports?.AttemptAcquire(sender.WithoutTag().ToCanonicalString());
        return lease is null or { IsAcquired: true };
    }

    public bool TakeMessage(string? account, string clientIp) => Take(_messages, account, clientIp);

    public bool TakeRecipient(string? account, string clientIp) => Take(_recipients, account, clientIp);

    public void Dispose()
    {
        _messages?.Dispose();
        _recipients?.Dispose();
        _reports?.Dispose();
    }

    private static bool Take(PartitionedRateLimiter<Sender>? limiter, string? account, string clientIp)
    {
        if (limiter is null)
        {
            return true;
        }

        using var lease = limiter.AttemptAcquire(new Sender(account, clientIp));
        return lease.IsAcquired;
    }

    /// <summary>Null when there is no limit.</summary>
    private static PartitionedRateLimiter<Sender>? Limiter(int perClient, int perAccount) => perClient == 0 && perAccount == 0
        ? null
        : PartitionedRateLimiter.Create<Sender, string>(sender => sender.Account is { } account
            ? Bucket(account, perAccount)
            : Bucket(ClientKeyOf(sender.ClientIp), perClient));

    private static RateLimitPartition<string> Bucket(string key, int perHour) => perHour == 0
        ? RateLimitPartition.GetNoLimiter(key)
        : RateLimitPartition.GetTokenBucketLimiter(key, _ => Refill(perHour));

    /// <summary>A bucket as large as the hour's allowance, refilled about every minute; idle buckets are dropped by the limiter.</summary>
    internal static TokenBucketRateLimiterOptions Refill(int perHour)
    {
        var tokens = (perHour + 59) / 60;
        return new TokenBucketRateLimiterOptions
        {
            TokenLimit = perHour,
            TokensPerPeriod = tokens,
            ReplenishmentPeriod = TimeSpan.FromHours(1) * tokens / perHour,
            AutoReplenishment = false,
            QueueLimit = 0,
        };
    }

    private static string ClientKeyOf(string ip) =>
        IPAddress.TryParse(ip, out var address) ? ClientKey.For(address).ToString() : ip;

    private readonly record struct Sender(string? Account, string ClientIp);
}
