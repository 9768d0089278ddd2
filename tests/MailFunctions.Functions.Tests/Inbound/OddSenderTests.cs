using System.Text.Json;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Inbound;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Outbound;
using MailFunctions.Functions.Tests.Triggers;
using MailFunctions.Functions.Triggers;
using MailFunctions.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace MailFunctions.Functions.Tests.Inbound;

/// <summary>Reverse-paths that the edge takes though no local recipient may look so: they are read again in every step.</summary>
public sealed class OddSenderTests
{
    private const string Id = "01939f5a-0000-7000-8000-000000000001";
    private const string Blob = $"2026/11/23/{Id}.eml";

    private readonly MemoryDirectory _directory = new();
    private readonly MemoryStore _store = new() { Blobs = { [Blob] = "Subject: x\r\n\r\nHello\r\n"u8.ToArray() } };
    private readonly MemoryMailboxes _mailboxes = new();
    private readonly MemoryTraces _traces = new();
    private readonly MemoryJobs _jobs = new();
    private readonly MemoryBus _bus = new();
    private readonly MemoryAllowance _allowance = new();

    public static TheoryData<string> Senders { get; } =
    [
        "\"a..b\"@sender.test", "\"a.\"@sender.test", "a@mail_out.sender.test",
        "name+caf_=somebody.with.a.long.name=a.domain.of.some.length.example@sender.test",
        new string('v', 490) + "@sender.test",
    ];

    [Theory]
    [MemberData(nameof(Senders))]
    public async Task Sender_OfMailThatCannotBeDelivered_GetsItsReport(string sender)
    {
        _directory.Account("alice@example.test");
        await RunAsync(sender, "alice@example.test", "gone@example.test");

        var entry = Assert.Single(_mailboxes.Entries.Values).Entry;
        Assert.StartsWith($"Return-Path: <{sender}>\r\n", entry.Prologue, StringComparison.Ordinal);
        Assert.Contains(_traces.Rows, r => r.Address == sender);

        var report = Assert.Single(_bus.Inbound);
        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(report));
        var job = Assert.Single(_jobs.Rows.Values);
        Assert.Equal((sender, sender.Split('@')[1]), (Assert.Single(job.Recipients).Address, job.Domain));

        await using var mta = new ScriptedMta();
        Assert.Equal(ResultKind.Relayed, Assert.Single(await AttemptAsync(mta, job)).Kind);
        Assert.StartsWith($"RCPT TO:<{sender}>", Assert.Single(Assert.Single(mta.Messages).Recipients), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Senders))]
    public async Task Sender_OfMailThatIsSentOn_HearsOfItsFailureElsewhere(string sender)
    {
        _directory.Alias("team@example.test", "far@one.test");
        await RunAsync(sender, "team@example.test");

        var job = Assert.Single(_jobs.Rows.Values);
        await using var mta = new ScriptedMta();
        Assert.Equal(ResultKind.Relayed, Assert.Single(await AttemptAsync(mta, job)).Kind);
        Assert.StartsWith($"MAIL FROM:<{job.MailFrom.Address}>", Assert.Single(mta.Messages).Sender, StringComparison.Ordinal);

        _jobs.Rows.Clear();
        await RunAsync("", job.MailFrom.Address);
        if (job.MailFrom.Address != sender) // rewritten: a report to that address goes back to the sender
        {
            Assert.Equal(sender, Assert.Single(Assert.Single(_jobs.Rows.Values).Recipients).Address);
        }
    }

    private Task<TriggerResult> RunAsync(string sender, params string[] recipients) => RunAsync(new InboundEnvelope
    {
        Id = Id,
        ReceivedAt = new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
        Listener = ListenerKind.Mx,
        Client = new ClientInfo("192.0.2.1", "client.test", null, null),
        MailFrom = new ReversePath { Address = sender },
        Recipients = [.. recipients.Select(r => new EnvelopeRecipient { Address = r })],
        Size = 100,
        Blob = Blob,
    });

    private Task<TriggerResult> RunAsync(InboundEnvelope envelope)
    {
        var options = Options();
        var function = new InboundFunction(
            new InboundDelivery(
                _store,
                new RecipientRouting(
                    _directory, new ForwardedSender(options, TimeProvider.System), TestedReports.Limit(options, _allowance)),
                _mailboxes,
                new OutboundQueue(_jobs, _bus, TimeProvider.System),
                new DeliveryReports(TestedReports.Sender(_store, _bus, options, _allowance)),
                new MemoryUnkeptMail(),
                _traces),
            _traces,
            TimeProvider.System,
            NullLogger<InboundFunction>.Instance);
        return Triggered.ByMessageAsync(
            function.RunAsync, JsonSerializer.SerializeToUtf8Bytes(envelope, EnvelopeJson.Default.InboundEnvelope));
    }

    private Task<IReadOnlyList<RecipientResult>> AttemptAsync(ScriptedMta mta, OutboundJob job)
    {
        var options = Options(new RelayRoute("*", new RelayHost("127.0.0.1", mta.Port, RelayTls.Opportunistic, null, null)));
        return TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), _store)
            .AttemptAsync(job, TestContext.Current.CancellationToken);
    }

    private static RelayOptions Options(params RelayRoute[] routes) =>
        new() { HostName = "mail.example.test", SrsKey = "a key of some length", Routes = routes };
}
