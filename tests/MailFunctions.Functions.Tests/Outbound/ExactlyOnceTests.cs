using System.Collections.Concurrent;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>
/// Many jobs over real SMTP to a server that refuses one recipient in twenty and defers one in five at first, with every
/// alarm ringing twice, at the same time: each recipient ends taken or reported, once, and no row is left.
/// </summary>
public sealed class ExactlyOnceTests
{
    private const int Messages = 300;
    private const int Domains = 20;
    private const int AtOnce = 8;

    [Fact]
    public async Task ManyJobs_WithRefusalsAndDeferrals_EveryRecipientEndsOnce()
    {
        var time = new SetTime();
        var (jobs, bus, store, traces) = (new MemoryJobs(), new MemoryBus(), new MemoryStore(), new MemoryTraces());
        var deferred = new ConcurrentDictionary<string, int>();
        await using var mta = new ScriptedMta
        {
            Script = line => !line.StartsWith("RCPT", StringComparison.Ordinal) ? null
                : (Number(line) % 20) switch
                {
                    0 => "550 5.1.1 No such user",
                    1 or 6 or 11 or 16 when deferred.AddOrUpdate(line, 1, (_, n) => n + 1) <= 2 => "451 4.2.0 Later",
                    _ => null,
                },
        };
        var options = new RelayOptions
        {
            HostName = "mail.example.test",
            ReportsPerHour = 0,
            Routes = [new RelayRoute("*", new RelayHost("127.0.0.1", mta.Port, RelayTls.Opportunistic, null, null))],
        };
        var expected = await CreateAsync(jobs, bus, store, time);
        var delivery = TestedDelivery.Create(
            new MemoryPorts(jobs, bus, store, traces, time),
            TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), store),
            new DestinationLimits(options, time, Random.Shared),
            options,
            Random.Shared);

        var done = 0;
        while (bus.Outbound.Count > done)
        {
            var due = bus.Outbound[done..];
            var alarms = bus.Alarms.Skip(done).ToList();
            done += due.Count;
            time.Now = due.Select(m => m.ScheduledEnqueueTime ?? time.Now).Append(time.Now).Max();
            await Parallel.ForEachAsync(
                alarms.SelectMany(a => (OutboundAlarm[])[a, a]),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = TestContext.Current.CancellationToken },
                async (alarm, token) => await delivery.ProcessAsync(alarm, token));
        }

        var taken = mta.Messages.SelectMany(m => m.Recipients).Select(Address).ToList();
        var reported = store.Blobs.Values.Select(b => System.Text.Encoding.UTF8.GetString(b))
            .SelectMany(t => System.Text.RegularExpressions.Regex.Matches(t, "Final-Recipient: rfc822; (\\S+)"))
                .Select(m => m.Groups[1].Value).ToList();
        Assert.Equal(expected.Where(a => Number(a) % 20 != 0).Order(), taken.Order());
        Assert.Equal(expected.Where(a => Number(a) % 20 == 0).Order(), reported.Order());
        Assert.True(deferred.Count > expected.Count / 6);
        Assert.All(jobs.Rows.Values, j => Assert.Equal(JobState.Done, j.State));

        time.Now += OverdueJobs.DoneFor + TimeSpan.FromMinutes(1);
        await new OverdueJobs(jobs, bus, time).RunAsync(TestContext.Current.CancellationToken);
        Assert.Empty(jobs.Rows);
    }

    private static async Task<List<string>> CreateAsync(MemoryJobs jobs, MemoryBus bus, MemoryStore store, SetTime time)
    {
        var queue = new OutboundQueue(jobs, bus, time);
        var all = new List<string>();
        for (var i = 0; i < Messages; i++)
        {
            var id = MessageName.NewId(time.Now);
            var blob = MessageName.BlobFor(id, time.Now);
            store.Blobs[blob] = "Subject: x\r\n\r\nx\r\n"u8.ToArray();
            var recipients = Enumerable.Range(0, 3).Select(r => $"r{(i * 3) + r}@d{i % Domains}.test").ToList();
            all.AddRange(recipients);
            await queue.EnqueueAsync(
                new InboundEnvelope
                {
                    Id = id,
                    ReceivedAt = time.Now,
                    Listener = ListenerKind.Submission,
                    Client = new ClientInfo("127.0.0.1", "c", null, "alice@example.test"),
                    MailFrom = new ReversePath { Address = "alice@example.test" },
                    Recipients = [.. recipients.Select(r => new EnvelopeRecipient { Address = r })],
                    Size = store.Blobs[blob].Length,
                    Blob = blob,
                },
                new ReversePath { Address = "alice@example.test" },
                null,
                [.. recipients.Select(r => (EmailAddress.Parse(r)!, new OutboundRecipient { Address = r }))],
                TestContext.Current.CancellationToken);
        }

        return all;
    }

    private static string Address(string command) => command[(command.IndexOf('<') + 1)..command.IndexOf('>')];

    private static int Number(string text)
    {
        var address = text.Contains('<') ? Address(text) : text;
        return int.Parse(address[1..address.IndexOf('@')], System.Globalization.CultureInfo.InvariantCulture);
    }
}
