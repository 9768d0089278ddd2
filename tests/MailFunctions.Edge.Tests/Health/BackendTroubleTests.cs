using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using MailFunctions.Azure;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Edge.Tests.Health;

/// <summary>The edge on its real adapters, with storage or bus away: what clients, the log and the probe are given.</summary>
public sealed class BackendTroubleTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task StorageAway_ClientsGet451_TheLogHasOneLineWithTheCause_AndTheEdgeIsNotReady()
    {
        await using var edge = await TroubledEdge.StartAsync(blobs: 1, tables: 1, bus: 1); // nothing listens on port 1

        await using (var client = await EdgeClient.ConnectAsync(edge.Smtp))
        {
            await client.ReadReplyAsync();
            await client.AskAsync("EHLO c.test");
            await client.AskAsync("MAIL FROM:<a@b.test>");
            Assert.StartsWith("451 4.4.3", await client.AskAsync("RCPT TO:<alice@example.test>"), StringComparison.Ordinal);
            Assert.StartsWith("451 4.4.3", await client.AskAsync("RCPT TO:<bob@example.test>"), StringComparison.Ordinal);
        }

        var line =
            Assert.Single(edge.Log, l => l.Contains("Clients are asked to try again later. reading tables: ", StringComparison.Ordinal));
        Assert.Contains("Connection refused", line, StringComparison.Ordinal);
        var (status, text) = await edge.AskUntilAnsweredAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.StartsWith("the directory can't be reached: ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BlobsAway_WhileTablesAnswer_IsNotReady()
    {
        await using var azurite = await AzuriteProcess.StartAsync();
        await StorageSetup.CreateAsync(Options(azurite.ConnectionString), Token);
        await using var bus = await LocalBusProcess.StartAsync();
        await using var edge = await TroubledEdge.StartAsync(azurite.ConnectionString, bus.ConnectionString);
        Assert.Equal((HttpStatusCode.OK, "ready"), await edge.AskUntilAnsweredAsync());

        await using var other = await TroubledEdge.StartAsync(
            string.Join(
                ';',
                azurite.ConnectionString.Split(';')
                    .Select(p => p.StartsWith("BlobEndpoint=", StringComparison.Ordinal) ? "BlobEndpoint=http://127.0.0.1:1/mailtest" : p)),
            bus.ConnectionString);

        var (status, text) = await other.AskUntilAnsweredAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.StartsWith("the messages' storage can't be reached: ", text, StringComparison.Ordinal);
    }

    /// <summary>Connections are taken by the kernel, and no request is answered.</summary>
    [Fact]
    public async Task EverythingHangs_TheProbeIsAnsweredBeforeItsTimeIsOver()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;
        await using var edge = await TroubledEdge.StartAsync(blobs: port, tables: port, bus: port);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(4) }; // a second, and patience with a slow machine; it was ten

        using var answer = await http.GetAsync(edge.Ready, Token);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("the directory can't be reached: no answer yet", await answer.Content.ReadAsStringAsync(Token));
    }

    /// <summary>Storage answers; the bus takes connections and nothing more, or refuses them.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task BusHangsOrIsKilled_MessageGets451WithinFifteenSeconds(bool hangs)
    {
        await using var azurite = await AzuriteProcess.StartAsync();
        await StorageSetup.CreateAsync(Options(azurite.ConnectionString), Token);
        await using var services = new ServiceCollection()
            .AddLogging().AddMailStorage(Options(azurite.ConnectionString)).BuildServiceProvider();
        var directory = services.GetRequiredService<IDirectoryStore>();
        await directory.PutDomainAsync(new MailDomain { Name = "example.test" }, Token);
        await directory.PutEntryAsync(
            new AccountEntry { Address = EmailAddress.Parse("bob@example.test")!, MailboxId = "bob" }, Token);
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = hangs ? ((IPEndPoint)silent.LocalEndpoint).Port : 1;
        await using var edge = await TroubledEdge.StartAsync(
            azurite.ConnectionString,
            $"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=k;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;");
        await using var client = await EdgeClient.ConnectAsync(edge.Smtp);
        await client.ReadReplyAsync();
        await client.AskAsync("EHLO c.test");

        var began = Stopwatch.GetTimestamp();
        client.Limit = TimeSpan.FromSeconds(60);
        Assert.StartsWith("451 4.3.0", await client.SendMessageAsync(), StringComparison.Ordinal);

        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(15)); // two tries of 5 s
        Assert.StartsWith("250", await client.AskAsync("NOOP"), StringComparison.Ordinal);
    }

    private static StorageOptions Options(string connection) => StorageOptions.Read(
        new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create<string, string?>(StorageOptions.Key, connection)]).Build());
}
