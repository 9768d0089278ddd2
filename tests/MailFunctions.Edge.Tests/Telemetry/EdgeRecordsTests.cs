using System.Diagnostics.Metrics;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Core.Stats;
using MailFunctions.Core.Traces;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Telemetry;
using MailFunctions.Edge.Tests.Fakes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace MailFunctions.Edge.Tests.Telemetry;

/// <summary>What the edge records beside its sessions, and that they never wait for it.</summary>
public sealed class EdgeRecordsTests : IDisposable
{
    private static readonly ClientInfo Client = new("192.0.2.7", "client.example", "TLSv1.3 X", null);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Store _store = new();

    private IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    public void Dispose() => _services.Dispose();

    [Fact]
    public async Task RecipientsRefused_OfOneTransaction_AreOneEventUnderSenderAndRecipients()
    {
        var e = await TraceAsync(events => events.RecipientsRefused(new RefusedRecipients
        {
            Id = "id",
            EndedAt = default,
            Listener = ListenerKind.Mx,
            Client = Client,
            ReversePath = "Sender..x@Elsewhere_2.test",
            Recipients =
            [
                new RefusedRecipient(EmailAddress.Parse("nobody@example.test")!, new ReplyStatus(550, "5.1.1")),
                new RefusedRecipient(EmailAddress.Parse("full@example.test")!, new ReplyStatus(452, "4.2.2")),
            ],
            Count = 40_000,
        }));

        Assert.Equal("id", e.MessageId);
        Assert.Equal(["\"sender..x\"@elsewhere_2.test", "nobody@example.test", "full@example.test"], e.Addresses);
        Assert.Equal(
            (TraceKind.Refused, "recipients refused, mx from 192.0.2.7 (client.example), TLSv1.3 X, no login; "
                + "refused: nobody@example.test (550 5.1.1), full@example.test (452 4.2.2) and 39998 more"),
            (e.Kind, e.Detail));
    }

    [Fact]
    public async Task Answered_MessageThatWasTaken_IsOneEventWithEveryReply()
    {
        var e = await TraceAsync(Answered(250, "2.6.0", 2));

        Assert.Equal((TraceKind.Received, "id"), (e.Kind, e.MessageId));
        Assert.Empty(e.Addresses); // its other events are found by them
        Assert.Equal(
            "4096 octets answered with 250 2.6.0, mx from 192.0.2.7 (client.example), TLSv1.3 X, no login; taken: "
            + "r0@example.test, r1@example.test",
            e.Detail);
    }

    [Fact]
    public async Task Answered_MessageThatWasRefused_IsFoundByItsAddressesUpToABound()
    {
        var e = await TraceAsync(Answered(451, "4.3.0", 1000));

        Assert.Equal(TraceKind.Refused, e.Kind);
        Assert.Equal(1 + SessionStory.MaxNamed, e.Addresses.Count);
        Assert.Contains("answered with 451 4.3.0", e.Detail, StringComparison.Ordinal);
        Assert.Contains($"r19@example.test and {1000 - SessionStory.MaxNamed} more", e.Detail, StringComparison.Ordinal);
    }

    private Task<TraceEvent> TraceAsync(AnsweredMessage message) => TraceAsync(events => events.Answered(message));

    private async Task<TraceEvent> TraceAsync(Action<EdgeEvents> happen)
    {
        using var traces = new SessionTraces(_store, Meters, TimeProvider.System);
        using var events = new EdgeEvents(Meters, NullLogger<EdgeEvents>.Instance, traces);
        happen(events);
        await traces.WriteAsync(CancellationToken.None);
        return Assert.Single(_store.Events);
    }

    private static AnsweredMessage Answered(int code, string enhanced, int recipients) => new()
    {
        Id = "id",
        EndedAt = default,
        Listener = ListenerKind.Mx,
        Client = Client,
        ReversePath = "sender@elsewhere.test",
        Recipients = [.. Enumerable.Range(0, recipients).Select(i => new EnvelopeRecipient { Address = $"r{i}@example.test" })],
        Octets = 4096,
        Reply = new ReplyStatus(code, enhanced),
    };

    [Fact]
    public async Task Sessions_AndLogins_AreCountedByHowTheyEnded()
    {
        using var totals = new MeterTotals();
        await using var edge = await RunningEdge.StartAsync("Login:FailureDelay=00:00:00", "Edge:AllowPlaintextCredentials=true");
        var before = totals.Read();
        await using (var smtp = await EdgeClient.ConnectAsync(edge.Smtp))
        {
            await smtp.ReadReplyAsync();
            await smtp.AskAsync("QUIT");
        }

        await using (var pop = await EdgeClient.ConnectAsync(edge.Pop3))
        {
            await pop.ReadLineAsync();
            foreach (var line in (string[])[
                "USER alice@example.test", "PASS wrong", "USER alice@example.test", $"PASS {TestDirectory.Password}", "QUIT"])
            {
                await pop.SendAsync(line + "\r\n");
                await pop.ReadLineAsync();
            }
        }

        foreach (var name in (string[])["mail.sessions{end=Quit,listener=mx}", "mail.sessions{end=Quit,listener=pop3}",
            "mail.logins{result=rejected}", "mail.logins{result=succeeded}"])
        {
            // The session is counted when both sides are done with it; other tests may count too.
            for (var i = 0; i < 500 && Counted(name) == 0; i++)
            {
                await Task.Delay(10);
            }

            Assert.True(Counted(name) > 0, name);
        }

        long Counted(string name) => totals.Read().GetValueOrDefault(name) - before.GetValueOrDefault(name);
    }

    [Fact]
    public async Task SessionTraces_MoreThanFitOrCanBeWritten_AreDroppedAndCounted()
    {
        using var totals = new MeterTotals();
        using var traces = new SessionTraces(_store, Meters, TimeProvider.System);
        var before = totals.Read().GetValueOrDefault("mail.traces.dropped");
        for (var i = 0; i < SessionTraces.Capacity + 10; i++)
        {
            traces.Add(new TraceEvent { MessageId = $"{i}", At = default, Kind = TraceKind.Refused });
        }

        _store.IsAway = true;
        await traces.WriteAsync(CancellationToken.None);
        _store.IsAway = false;
        await traces.WriteAsync(CancellationToken.None);

        Assert.Equal(10 + SessionTraces.BatchSize, totals.Read()["mail.traces.dropped"] - before);
        Assert.Equal(SessionTraces.BatchSize, _store.Events.Count);
    }

    [Fact]
    public async Task AppPasswordUses_ManyOfOnePassword_AreOneWriteAndKeptWhileTheStoreIsAway()
    {
        using var uses = new AppPasswordUses(_store, TimeProvider.System);
        for (var i = 0; i < 100; i++)
        {
            uses.Note("box", EmailAddress.Parse("a@example.test")!, "id");
        }

        _store.IsAway = true;
        await uses.WriteAsync(CancellationToken.None);
        _store.IsAway = false;
        await uses.WriteAsync(CancellationToken.None);
        await uses.WriteAsync(CancellationToken.None);

        Assert.Equal(["box/id"], _store.Uses);
    }

    [Fact]
    public void PrometheusText_Totals_AreFamiliesWithLabels()
    {
        var text = PrometheusText.Write(new Dictionary<string, long>
        {
            ["mail.smtp.messages.accepted"] = 3,
            ["mail.smtp.commands.refused{code=550,command=R\"X}"] = 1,
            ["mail.smtp.commands.refused{code=451,command=DATA}"] = 2,
        });

        Assert.Equal(
            "# TYPE mail_smtp_commands_refused_total counter\n"
            + "mail_smtp_commands_refused_total{code=\"451\",command=\"DATA\"} 2\n"
            + "mail_smtp_commands_refused_total{code=\"550\",command=\"R\\\"X\"} 1\n"
            + "# TYPE mail_smtp_messages_accepted_total counter\nmail_smtp_messages_accepted_total 3\n",
            text);
    }

    private sealed class Store : ITraceWriter, IAppPasswordUse
    {
        public List<TraceEvent> Events { get; } = [];

        public List<string> Uses { get; } = [];

        public bool IsAway { get; set; }

        public Task WriteAsync(IReadOnlyList<TraceEvent> events, CancellationToken cancellationToken)
        {
            ThrowIfAway();
            Events.AddRange(events);
            return Task.CompletedTask;
        }

        public Task RecordAsync(
            string mailboxId, EmailAddress address, string appPasswordId, DateTimeOffset at, CancellationToken cancellationToken)
        {
            ThrowIfAway();
            Uses.Add($"{mailboxId}/{appPasswordId}");
            return Task.CompletedTask;
        }

        public Task<IReadOnlyDictionary<string, DateTimeOffset>> ReadAsync(string mailboxId, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        private void ThrowIfAway()
        {
            if (IsAway)
            {
                throw new StoreUnavailableException("The store is away.");
            }
        }
    }
}
