using System.Collections.Concurrent;
using System.Text.Json;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Storage;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Outbound.Tls;
using MailFunctions.Functions.Tests.Dkim;
using MailFunctions.TestKit;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>The table `outbound` in memory, with version tags.</summary>
internal sealed class MemoryJobs : IOutboundJobs
{
    private int _version;

    public Dictionary<string, OutboundJob> Rows { get; } = [];

    public HashSet<string> Released { get; } = [];

    /// <summary>Called before a row is replaced, with the row as it is to be.</summary>
    public Func<OutboundJob, Task>? BeforeReplace { get; set; }

    public Task<OutboundJob?> FindAsync(string domain, string id, CancellationToken cancellationToken) => FindAsync(id, cancellationToken);

    public Task<OutboundJob?> FindAsync(string id, CancellationToken cancellationToken)
    {
        lock (Rows)
        {
            return Task.FromResult(Rows.GetValueOrDefault(id));
        }
    }

    public async Task<OutboundJob?> PutAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        if (job.ETag.Length > 0 && BeforeReplace is { } before)
        {
            await before(job);
        }

        lock (Rows)
        {
            var there = Rows.GetValueOrDefault(job.Id);
            if ((there?.ETag ?? "") != job.ETag)
            {
                return null;
            }

            return Rows[job.Id] = job with { ETag = $"{++_version}" };
        }
    }

    public Task ReleaseBlobAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        lock (Rows)
        {
            Released.Add(job.Id);
        }

        return Task.CompletedTask;
    }

    public Task RemoveAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        lock (Rows)
        {
            Rows.Remove(job.Id);
        }

        return Task.CompletedTask;
    }

    public Task<ListPage<OutboundJob>> ListAsync(
        string? domain, string? state, int top, string? continuation, CancellationToken cancellationToken) =>
        Task.FromResult(new ListPage<OutboundJob>(
            [
                .. Rows.Values.Where(j => (domain is null || j.Domain == domain)
                    && (state is null ? j.State != JobState.Done : j.State == state)).Take(top)],
            null));

    public Task<IReadOnlyList<OutboundJob>> ListOverdueAsync(DateTimeOffset dueBefore, int top, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<OutboundJob>>(
            [.. Rows.Values.Where(j => j.State is JobState.Queued or JobState.Reporting && j.NextAttempt < dueBefore).Take(top)]);

    public Task<IReadOnlyList<OutboundJob>> ListDoneAsync(DateTimeOffset doneBefore, int top, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<OutboundJob>>(
            [.. Rows.Values.Where(j => j.State == JobState.Done && j.ChangedAt < doneBefore).Take(top)]);
}

/// <summary>The bus in memory, with duplicate detection by MessageId.</summary>
internal sealed class MemoryBus : FakeBus
{
    private readonly HashSet<string> _ids = [];

    public List<BusMessage> Outbound { get; } = [];

    public List<InboundEnvelope> Inbound { get; } = [];

    public override Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken)
    {
        lock (_ids)
        {
            if (_ids.Add(queue + message.MessageId))
            {
                if (queue == QueueNames.Outbound)
                {
                    Outbound.Add(message);
                }
                else
                {
                    Inbound.Add(JsonSerializer.Deserialize(message.Body.Span, EnvelopeJson.Default.InboundEnvelope)!);
                }
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>The alarms in order.</summary>
    public IReadOnlyList<OutboundAlarm> Alarms =>
        [.. Outbound.Select(m => JsonSerializer.Deserialize(m.Body.Span, OutboundJson.Default.OutboundAlarm)!)];
}

/// <summary>Reports by address and hour, as the table counts them.</summary>
internal sealed class MemoryAllowance : IReportAllowance
{
    public Dictionary<string, HashSet<string>> Hours { get; } = [];

    public Task<bool> TakeAsync(string address, string report, DateTimeOffset at, int perHour, CancellationToken cancellationToken)
    {
        lock (Hours)
        {
            var key = $"{address} {at:yyyyMMddHH}";
            var reports = Hours.TryGetValue(key, out var there) ? there : Hours[key] = [];
            return Task.FromResult(reports.Contains(report) || (reports.Count < perHour && reports.Add(report)));
        }
    }
}

/// <summary>The sender of reports over ports in memory.</summary>
internal static class TestedReports
{
    public static DsnSender Sender(IMessageStore store, IBusSender bus, RelayOptions options, MemoryAllowance? allowance = null) =>
        new(store, bus, Limit(options, allowance), options.Reports);

    public static ReportLimit Limit(RelayOptions options, MemoryAllowance? allowance = null) =>
        new(allowance ?? new MemoryAllowance(), options.Reports, options.CreateSrs(TimeProvider.System));
}

/// <summary>Gives the results that the test wants, and counts attempts.</summary>
internal sealed class FakeRelay(Func<OutboundJob, IReadOnlyList<RecipientResult>> answer) : MailFunctions.Functions.Outbound.IRelay
{
    public int Attempts { get; private set; }

    public Func<Task> During { get; set; } = () => Task.CompletedTask;

    public async Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        Attempts++;
        await During();
        return answer(job);
    }
}

/// <summary>The real relay, with what a test gives it and nothing else.</summary>
internal static class TestedRelay
{
    /// <summary>For tests whose DNS leads to servers of this machine.</summary>
    public static readonly IReadOnlyList<System.Net.IPNetwork> Loopback = [System.Net.IPNetwork.Parse("127.0.0.0/8")];

    public static SmtpRelay Create(
        RelayOptions options,
        IMailExchanges exchanges,
        IMessageStore store,
        IStsPolicies? policies = null,
        MemoryTlsResults? results = null,
        TimeProvider? time = null,
        MessageSigner? signer = null)
    {
        results ??= new MemoryTlsResults();
        time ??= TimeProvider.System;
        var connector = new RelayConnector(options, results, time);
        return new SmtpRelay(
            options,
            new RelayRoutes(options, exchanges),
            new JobTlsRules(policies ?? new FixedPolicies(null), store, results),
            connector,
            new JobTransfer(new ContentPreparer(store, signer ?? TestDkim.Off), connector, options, time),
            time);
    }
}

/// <summary>The delivery over ports in memory.</summary>
internal static class TestedDelivery
{
    public static OutboundDelivery Create(
        MemoryPorts ports, IRelay relay, DestinationLimits limits, RelayOptions options, Random random)
    {
        var alarms = new JobAlarms(ports.Bus, ports.Time);
        var reports = new ResultReports(ports.Traces, TestedReports.Sender(ports.Store, ports.Bus, options), options.Reports);
        return new OutboundDelivery(
            ports.Jobs,
            relay,
            limits,
            new JobTransitions(options, ports.Time, random),
            alarms,
            new JobReporting(ports.Jobs, reports, alarms, ports.Time, ports.ReportingLog),
            ports.DeliveryLog);
    }
}

/// <summary>What the delivery reads and writes in tests.</summary>
internal sealed record MemoryPorts(IOutboundJobs Jobs, IBusSender Bus, IMessageStore Store, ITraceWriter Traces, TimeProvider Time)
{
    public ILogger<OutboundDelivery> DeliveryLog { get; init; } = NullLogger<OutboundDelivery>.Instance;

    public ILogger<JobReporting> ReportingLog { get; init; } = NullLogger<JobReporting>.Instance;
}

/// <summary>The same MTA-STS policy for every domain, or none.</summary>
internal sealed class FixedPolicies(StsPolicy? policy) : IStsPolicies
{
    public Task<StsPolicy?> FindAsync(string domain, CancellationToken cancellationToken) => Task.FromResult(policy);
}

/// <summary>Keeps what was counted, in order.</summary>
internal sealed class MemoryTlsResults : ITlsResults
{
    public ConcurrentQueue<string> Counted { get; } = [];

    public void Count(string domain, string policy, string result) => Counted.Enqueue($"{domain} {policy} {result}");
}

/// <summary>What delivery and reporting log, in one order.</summary>
internal sealed class RelayLog : ILogger<OutboundDelivery>, ILogger<JobReporting>
{
    private readonly TestLog<RelayLog> _log = new();

    public IReadOnlyList<string> Lines => _log.Lines;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _log.Log(logLevel, eventId, state, exception, formatter);
}
