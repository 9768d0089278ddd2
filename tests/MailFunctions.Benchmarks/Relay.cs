using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using MailFunctions.Azure;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Outbound;
using MailFunctions.TestKit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace MailFunctions.Benchmarks;

/// <summary>
/// Outbound jobs of one recipient each through the real delivery, tables and blobs on Azurite, and a server on loopback
/// that refuses 5% and defers 20% once. The bus is in memory. Exit code 1 when a recipient did not end exactly once.
/// </summary>
internal static class Relay
{
    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args, new() { ["jobs"] = "10000", ["domains"] = "100", ["at-once"] = "16" });
        var (count, domains, atOnce) = (Number(options["jobs"]), Number(options["domains"]), Number(options["at-once"]));
        var deferred = new ConcurrentDictionary<string, bool>();
        await using var azurite = await AzuriteProcess.StartAsync();
        await using var mta = new ScriptedMta { Script = line => Reply(line, deferred) };
        var bus = new Alarms();
        await using var services = Services(azurite.ConnectionString, mta.Port, bus);
        await StorageSetup.CreateAsync(services.GetRequiredService<StorageOptions>(), CancellationToken.None);
        await CreateAsync(services, count, domains);

        var delivery = services.GetRequiredService<OutboundDelivery>();
        var (started, ended, peak) = (Stopwatch.GetTimestamp(), 0, 0L);
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
        {
            await foreach (var message in bus.Due.Reader.ReadAllAsync())
            {
                var alarm = JsonSerializer.Deserialize(message.Body.Span, OutboundJson.Default.OutboundAlarm)!;
                if (await delivery.ProcessAsync(alarm, CancellationToken.None) == AttemptOutcome.Done
                    && Interlocked.Increment(ref ended) is var number)
                {
                    peak = number % 500 == 0 ? Math.Max(peak, Process.GetCurrentProcess().WorkingSet64) : peak;
                    if (number == count)
                    {
                        bus.Due.Writer.Complete();
                    }
                }
            }
        }));
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        var taken = mta.Messages.SelectMany(m => m.Recipients).GroupBy(r => r).ToList();
        var jobs = services.GetRequiredService<IOutboundJobs>();
        var left = (await jobs.ListAsync(null, null, 1000, null, CancellationToken.None)).Items.Count;
        await EmptyAsync(jobs);
        var rows = (await jobs.ListAsync(null, JobState.Done, 1000, null, CancellationToken.None)).Items.Count;
        var refused = Enumerable.Range(0, count).Count(n => n % 20 == 0);
        Console.WriteLine(
            $"""
            {count} jobs to {domains} domains, {atOnce} at once: {seconds:0.0} s, {count / seconds:0} jobs/s, {(count + deferred.Count) / seconds:0} attempts/s
            working set at most {peak / 1024 / 1024} MiB (the server and the harness are in the same process)
            {taken.Count} recipients taken, {taken.Count(g => g.Count() > 1)} more than once, {deferred.Count} deferred before; {bus.Reports.Count} reports for {refused} refusals
            {left} jobs left, {rows} rows after Housekeeping
            """);
        return taken.Count == count - refused && taken.All(g => g.Count() == 1) && bus.Reports.Count == refused && left + rows == 0 ? 0 : 1;
    }

    private static string? Reply(string line, ConcurrentDictionary<string, bool> deferred)
    {
        if (!line.StartsWith("RCPT", StringComparison.Ordinal))
        {
            return null;
        }

        var start = line.IndexOf("<r", StringComparison.Ordinal) + 2;
        return (Number(line[start..line.IndexOf('@', start)]) % 20) switch
        {
            0 => "550 5.1.1 No such user",
            >= 1 and <= 4 when deferred.TryAdd(line, true) => "451 4.2.0 Later",
            _ => null,
        };
    }

    private static ServiceProvider Services(string storage, int port, Alarms bus)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            [StorageOptions.Key] = storage,
            ["Relay:Smarthost"] = $"127.0.0.1:{port}",
            ["Relay:Retry"] = "00:00:01",
        }).Build();
        var services = new ServiceCollection();
        services.AddMailStorage(configuration);
        services.AddSingleton<IBusSender>(bus);
        services.AddLogging();
        services.AddRelay(configuration);
        services.AddDkim(configuration);
        return services.BuildServiceProvider();
    }

    private static async Task CreateAsync(ServiceProvider services, int count, int domains)
    {
        var now = DateTimeOffset.UtcNow;
        var blob = MessageName.BlobFor(MessageName.NewId(now), now);
        var content = new byte[4096];
        content.AsSpan().Fill((byte)'x');
        "Subject: x\r\n\r\n"u8.CopyTo(content);
        "\r\n"u8.CopyTo(content.AsSpan(content.Length - 2));
        await using (var upload = services.GetRequiredService<IMessageStore>().BeginUpload(blob))
        {
            await upload.WriteAsync(content, CancellationToken.None);
            await upload.CommitAsync(CancellationToken.None);
        }

        var queue = services.GetRequiredService<OutboundQueue>();
        var sender = new ReversePath { Address = "alice@example.test" };
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, token) =>
        {
            var recipient = string.Create(CultureInfo.InvariantCulture, $"r{i}@d{i % domains}.test");
            await queue.EnqueueAsync(
                new InboundEnvelope
                {
                    Id = MessageName.NewId(now),
                    ReceivedAt = now,
                    Listener = ListenerKind.Submission,
                    Client = new ClientInfo("127.0.0.1", "client.test", null, sender.Address),
                    MailFrom = sender,
                    Recipients = [new EnvelopeRecipient { Address = recipient }],
                    Size = content.Length,
                    Blob = blob,
                },
                sender,
                null,
                [(EmailAddress.Parse(recipient)!, new OutboundRecipient { Address = recipient })],
                token);
        });
    }

    /// <summary>What Housekeeping does two days later.</summary>
    private static async Task EmptyAsync(IOutboundJobs jobs)
    {
        while (await jobs.ListDoneAsync(DateTimeOffset.UtcNow.AddDays(1), 1000, CancellationToken.None) is { Count: > 0 } done)
        {
            await Parallel.ForEachAsync(
                done, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (job, token) => await jobs.RemoveAsync(job, token));
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>`mail-outbound` in memory; what goes to `mail-inbound` is counted.</summary>
    private sealed class Alarms : FakeBus
    {
        public Channel<BusMessage> Due { get; } = Channel.CreateUnbounded<BusMessage>();

        public ConcurrentDictionary<string, bool> Reports { get; } = [];

        public override Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken)
        {
            if (queue == QueueNames.Inbound)
            {
                Reports[message.MessageId] = true;
                return Task.CompletedTask;
            }

            _ = ProcessAsync(message);
            return Task.CompletedTask;
        }

        private async Task ProcessAsync(BusMessage message)
        {
            if (message.ScheduledEnqueueTime - DateTimeOffset.UtcNow is { } wait && wait > TimeSpan.Zero)
            {
                await Task.Delay(wait);
            }

            Due.Writer.TryWrite(message);
        }
    }
}
