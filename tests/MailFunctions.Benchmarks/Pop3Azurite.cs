using System.Diagnostics;
using System.Globalization;
using System.Text;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using MailFunctions.Azure;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Edge;
using MailFunctions.TestKit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace MailFunctions.Benchmarks;

/// <summary>
/// POP3 of the real edge over tables and blobs on Azurite, beside bare reads of the same blobs with the same client library,
/// round by round in turn; or, with `--list N`, a maildrop of N messages opened and listed. A service across a network
/// answers later than Azurite on the same machine: `--latency-ms` has each read of a blob wait that long, on both sides.
/// </summary>
internal static class Pop3Azurite
{
    private const int Sessions = 8;
    private const int Outstanding = 50;
    private const string Password = "bench-password-1";

    /// <summary>What one session may have on its way (MessageReader.ReadAheadCount), and the one it sends.</summary>
    private const int Ahead = 17;

    /// <summary>
    /// Azurite writes all its tables to disk within 5 s of a change to one, and answers nobody meanwhile (0.2 s for 16,000
    /// messages): what is timed begins when that is over.
    /// </summary>
    private static readonly TimeSpan AzuriteSaves = TimeSpan.FromSeconds(6);

    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args, new() { ["messages"] = "500", ["rounds"] = "5", ["latency-ms"] = "0", ["list"] = "0" });
        var (messages, rounds, list) = (Number(options["messages"]), Number(options["rounds"]), Number(options["list"]));
        var latency = TimeSpan.FromMilliseconds(Number(options["latency-ms"]));
        await using var azurite = await AzuriteProcess.StartAsync();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new(StorageOptions.Key, azurite.ConnectionString)]).Build();
        await using var services = new ServiceCollection().AddMailStorage(configuration).BuildServiceProvider();
        await StorageSetup.CreateAsync(services.GetRequiredService<StorageOptions>(), CancellationToken.None);
        await CreateAccountsAsync(services);
        var port = FreePorts.Next();
        var edge = Task.Run(() => EdgeApplication.RunAsync(
            [
                "--Edge:Address=127.0.0.1", "--Edge:HostName=mail.bench.test", "--Edge:AllowPlaintextCredentials=true",
                "--Edge:Ports:Smtp=0", "--Edge:Ports:Submission=0", "--Edge:Ports:Smtps=0", $"--Edge:Ports:Pop3={port}",
                "--Edge:Ports:Pop3s=0",
                "--Edge:Ports:Health=0", "--Logging:LogLevel:Default=Warning",
            ],
            edgeServices =>
            {
                edgeServices.AddMailStorage(configuration);
                edgeServices.AddSingleton<IBusSender, FakeBus>();
                edgeServices.AddSingleton<IMessageIntake, ClaimCheckIntake>();
                if (latency > TimeSpan.Zero)
                {
                    edgeServices.AddSingleton<IMessageStore>(
                        s => new DistantStore(ActivatorUtilities.CreateInstance<MessageBlobs>(s), latency));
                }
            }));
        var container = new BlobContainerClient(azurite.ConnectionString, "messages");
        await (list > 0
            ? ListAsync(services, new TableServiceClient(azurite.ConnectionString), port, list)
            : CompareAsync(services, container, azurite.Id, port, messages, rounds, latency));
        return edge.IsCompleted ? await edge : 0; // the process ends, and the edge with it
    }

    private static async Task CompareAsync(
        ServiceProvider services, BlobContainerClient container, int azurite, int port, int messages, int rounds, TimeSpan latency)
    {
        var mailbox = services.GetRequiredService<TableServiceClient>().GetTableClient(MailboxTable.MailboxesName);
        var blobs = await FillAsync(services, messages);
        var all = blobs.SelectMany(b => b).ToList();
        var watch = new Stopwatches(azurite);
        var oneByOne = new Load("bare reads, one after the other", messages, null, () => BareAsync(blobs[0], 1));
        var one = new Load($"bare reads, {Ahead} at once", messages, oneByOne, () => BareAsync(blobs[0], Ahead));
        var many = new Load($"bare reads, {Sessions * Ahead} at once", all.Count, oneByOne, () => BareAsync(all, Sessions * Ahead));
        await Load.CompareAsync(
            [
                oneByOne,
                new("the rows of these messages alone", messages, null, () => SettledAsync(() => ReadRowsAsync(mailbox, messages))),
                new(
                    $"bare reads, {Ahead} at once, and the rows beside them",
                    messages,
                    one,
                    () => SettledAsync(
                        () => Task.WhenAll(ReadBareAsync(container, blobs[0], Ahead, latency), ReadRowsAsync(mailbox, messages)))),
                new("POP3, one session, one RETR after the other", messages, one, () => RetrieveAsync(1, 1)),
                one,
                new($"POP3, one session, {Outstanding} outstanding", messages, one, () => RetrieveAsync(1, Outstanding)),
                new($"POP3, one session, {Outstanding} outstanding in no order", messages, one,
                    () => RetrieveAsync(1, Outstanding, shuffled: true)),
                many,
                new($"POP3, {Sessions} sessions, {Outstanding} outstanding each", all.Count, many,
                    () => RetrieveAsync(Sessions, Outstanding)),
                new("the same from connecting to QUIT, with STAT, UIDL and LIST", all.Count, many,
                    () => watch.MeasureAsync(WholeSessionsAsync)),
            ],
            rounds);

        async Task<Sample> SettledAsync(Func<Task> work)
        {
            await Task.Delay(AzuriteSaves);
            return await watch.MeasureAsync(work);
        }

        Task<Sample> BareAsync(IReadOnlyList<string> names, int atOnce) =>
            SettledAsync(() => ReadBareAsync(container, names, atOnce, latency));

        // Sessions that have logged in and listed, as clients do first, fetch all they have.
        async Task<Sample> RetrieveAsync(int sessions, int outstanding, bool shuffled = false)
        {
            var open = await Task.WhenAll(Enumerable.Range(0, sessions).Select(i => OpenAsync(port, i)));
            var sample =
                await SettledAsync(() => Task.WhenAll(open.Select(pop3 => Pop3Azurite.RetrieveAsync(pop3, Order(shuffled), outstanding))));
            await Task.WhenAll(open.Select(QuitAsync));
            return sample;
        }

        int[] Order(bool shuffled)
        {
            int[] numbers = [.. Enumerable.Range(1, messages)];
            if (shuffled)
            {
                new Random(1).Shuffle(numbers);
            }

            return numbers;
        }

        Task WholeSessionsAsync() => Task.WhenAll(Enumerable.Range(0, Sessions).Select(async account =>
        {
            var pop3 = await OpenAsync(port, account);
            await Pop3Azurite.RetrieveAsync(pop3, Order(shuffled: false), Outstanding);
            await QuitAsync(pop3);
        }));
    }

    private static async Task<RawClient> OpenAsync(int port, int account)
    {
        var pop3 = await LoginAsync(port, account);
        await CommandAsync(pop3, "STAT", multiline: false);
        await CommandAsync(pop3, "UIDL", multiline: true);
        await CommandAsync(pop3, "LIST", multiline: true);
        return pop3;
    }

    private static async Task QuitAsync(RawClient pop3)
    {
        await CommandAsync(pop3, "QUIT", multiline: false);
        await pop3.DisposeAsync();
    }

    private static async Task RetrieveAsync(RawClient pop3, int[] numbers, int outstanding)
    {
        for (var (sent, got) = (0, 0); got < numbers.Length; got++)
        {
            if (sent - got <= outstanding / 2 && sent < numbers.Length) // a client that pipelines does not let it run dry
            {
                var upTo = Math.Min(numbers.Length, got + outstanding);
                await pop3.SendAsync(Encoding.ASCII.GetBytes(string.Concat(numbers[sent..upTo].Select(n => $"RETR {n}\r\n"))));
                sent = upTo;
            }

            await ReadAnswerAsync(pop3, multiline: true);
        }
    }

    private static async Task ListAsync(ServiceProvider services, TableServiceClient tables, int port, int count)
    {
        await FillAsync(services, 1);
        var mailbox = tables.GetTableClient(MailboxTable.MailboxesName);
        var partition = MailboxRow.Partition(MailboxOf(0));
        var now = DateTimeOffset.UtcNow;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count).Chunk(100),
            new ParallelOptions { MaxDegreeOfParallelism = 4 },
            async (chunk, token) => await mailbox.SubmitTransactionAsync(
                chunk.Select(n => new TableTransactionAction(
                    TableTransactionActionType.UpsertReplace, MailboxRow.From(partition, EntryOf(n)))),
                token));
        MailboxEntry EntryOf(int n) => new()
        {
            Uid = (uint)n + 1,
            MessageId = $"{n}",
            Blob = "none",
            Size = 4096,
            Prologue = "Return-Path: <sender@elsewhere.test>\r\n",
            ReceivedAt = now,
            Subject = $"Message {n}",
        };

        await mailbox.UpsertEntityAsync(
            MailboxRow.From(partition, new MailboxState(1, (uint)count + 1, count, count * 4096L)), TableUpdateMode.Replace);

        var before = Process.GetCurrentProcess().WorkingSet64;
        var (step, peak) = (Stopwatch.GetTimestamp(), before);
        await using var pop3 = await LoginAsync(port, 0);
        Say("login");
        await CommandAsync(pop3, "STAT", multiline: false);
        Say("STAT");
        await CommandAsync(pop3, "UIDL", multiline: true);
        Say("UIDL");
        await CommandAsync(pop3, "LIST", multiline: true);
        Say("LIST");
        await CommandAsync(pop3, "QUIT", multiline: false);
        Console.WriteLine(
            $"{count} messages; the working set grew by {(peak - before) / 1024 / 1024} MiB from {before / 1024 / 1024} (the "
            + "client is in the same process)");

        void Say(string what)
        {
            Console.WriteLine($"{what}: {Stopwatch.GetElapsedTime(step).TotalSeconds:0.000} s");
            peak = Math.Max(peak, Process.GetCurrentProcess().WorkingSet64);
            step = Stopwatch.GetTimestamp();
        }
    }

    private static async Task<RawClient> LoginAsync(int port, int account)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                var pop3 = await RawClient.ConnectAsync(port);
                await ReadAnswerAsync(pop3, multiline: false);
                await CommandAsync(pop3, $"USER {AddressOf(account)}", multiline: false);
                await CommandAsync(pop3, $"PASS {Password}", multiline: false);
                return pop3;
            }
            catch (System.Net.Sockets.SocketException) when (tries < 100)
            {
                await Task.Delay(100); // the edge is starting
            }
        }
    }

    private static async Task CommandAsync(RawClient pop3, string command, bool multiline)
    {
        await pop3.SendLineAsync(command);
        await ReadAnswerAsync(pop3, multiline);
    }

    private static async Task ReadAnswerAsync(RawClient pop3, bool multiline)
    {
        var line = await pop3.ReadLineAsync();
        if (line?.StartsWith("+OK", StringComparison.Ordinal) != true)
        {
            throw new InvalidOperationException($"The answer was: {line ?? "(end)"}");
        }

        var octets = multiline ? await pop3.SkipMultiLineAsync() : 0;
        if (line.EndsWith(" octets", StringComparison.Ordinal) && octets != Number(line.Split(' ')[1]))
        {
            throw new InvalidOperationException($"'{line}' is followed by {octets} octets.");
        }
    }

    private static Task ReadBareAsync(BlobContainerClient container, IReadOnlyList<string> blobs, int atOnce, TimeSpan latency) =>
        Parallel.ForEachAsync(blobs, new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (blob, token) =>
        {
            if (latency > TimeSpan.Zero)
            {
                await Task.Delay(latency, token);
            }

            using var read = (await container.GetBlobClient(blob).DownloadStreamingAsync(cancellationToken: token)).Value;
            await read.Content.CopyToAsync(Stream.Null, token);
        });

    /// <summary>A mailbox's rows by as many queries as a session asks.</summary>
    private static async Task ReadRowsAsync(TableClient mailbox, int messages)
    {
        var partition = MailboxRow.Partition(MailboxOf(0));
        for (var (first, count) = (1, MessageRows.FirstRows); first <= messages; first += count, count = MessageRows.MoreRows)
        {
            var filter = TableClient.CreateQueryFilter(
                $"PartitionKey eq {partition} and RowKey ge {MailboxRow.MessageKey((uint)first)} and RowKey lt {MailboxRow.AfterMessages}");
            await using var pages = mailbox.QueryAsync<TableEntity>(filter, count, MailboxRow.ContentColumns)
                .AsPages(null, count).GetAsyncEnumerator();
            await pages.MoveNextAsync();
        }
    }

    private static async Task CreateAccountsAsync(ServiceProvider services)
    {
        var directory = services.GetRequiredService<IDirectoryStore>();
        await directory.PutDomainAsync(new MailDomain { Name = "example.test" }, CancellationToken.None);
        var verifier = ScramVerifier.Create(Password);
        for (var i = 0; i < Sessions; i++)
        {
            await directory.PutEntryAsync(
                new AccountEntry
                {
                    Address = EmailAddress.Parse(AddressOf(i))!,
                    MailboxId = MailboxOf(i),
                    Password = verifier,
                }, CancellationToken.None);
        }
    }

    /// <summary>Messages of 4 KiB, a blob each; the names of the blobs, by mailbox.</summary>
    private static async Task<List<List<string>>> FillAsync(ServiceProvider services, int messages)
    {
        var store = services.GetRequiredService<IMessageStore>();
        var delivery = services.GetRequiredService<IMailboxDelivery>();
        var content = Encoding.ASCII.GetBytes("Subject: x\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 62) + "\r\n", 64)));
        var blobs = new List<List<string>>();
        for (var i = 0; i < Sessions; i++)
        {
            var now = DateTimeOffset.UtcNow;
            var ids = Enumerable.Range(0, messages).Select(_ => MessageName.NewId(now)).ToList();
            blobs.Add([.. ids.Select(id => MessageName.BlobFor(id, now))]);
            await Parallel.ForEachAsync(ids, new ParallelOptions { MaxDegreeOfParallelism = 40 }, async (id, token) =>
            {
                await using var upload = store.BeginUpload(MessageName.BlobFor(id, now));
                await upload.WriteAsync(content, token);
                await upload.CommitAsync(token);
                await delivery.DeliverAsync(
                    MailboxOf(i),
                    new MailboxEntry
                    {
                        MessageId = id,
                        Blob = MessageName.BlobFor(id, now),
                        Size = content.Length,
                        Prologue = "",
                        ReceivedAt = now,
                    },
                    null,
                    token);
            });
        }

        return blobs;
    }

    private static string AddressOf(int account) => $"u{account}@example.test";

    private static string MailboxOf(int account) => $"box{account}";

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
