using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using MailFunctions.Azure;
using MailFunctions.Azure.Dkim;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Hosting;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

[assembly: AssemblyFixture(typeof(MailFunctions.Functions.Tests.Api.TestedApi))]

namespace MailFunctions.Functions.Tests.Api;

/// <summary>The admin API over a real Azurite and a real local bus; the requests to the tables are counted.</summary>
public sealed class TestedApi : IAsyncLifetime
{
    public const string Domain = "example.test";
    public const string Password = "correct horse battery staple";

    private static int _names;
    private readonly TableRequests _requests = new();
    private readonly TemporaryDirectory _keys = new();
    private AzuriteProcess? _azurite;
    private LocalBusProcess? _bus;
    private WebApplication? _app;

    public HttpClient Http { get; private set; } = null!;

    /// <summary>The resolver that the API asks; it fails for names with `trouble` in them.</summary>
    public DnsServer Dns { get; } = new() { Trouble = name => name.Contains("trouble", StringComparison.Ordinal) ? 2 : null };

    /// <summary>Where the private keys are.</summary>
    public string DkimKeyDirectory => _keys.File("dkim");

    public IServiceProvider Services => _app!.Services;

    /// <summary>For what the functions' triggers do in the programs.</summary>
    public ServiceBusClient Bus { get; private set; } = null!;

    public static string NewName() => $"n{Interlocked.Increment(ref _names)}-{Guid.NewGuid().ToString("N")[..6]}";

    public async ValueTask InitializeAsync()
    {
        var (azurite, bus) = (AzuriteProcess.StartAsync(), LocalBusProcess.StartAsync());
        _azurite = await azurite;
        _bus = await bus;
        Bus = new ServiceBusClient(_bus.ConnectionString);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection([new("MailStorage", _azurite.ConnectionString)]);
        builder.Logging.ClearProviders();
        var options = StorageOptions.Read(builder.Configuration);
        await StorageSetup.CreateAsync(options, CancellationToken.None);
        builder.Services.AddMailStorage(options);
        var tables = new TableClientOptions();
        tables.AddPolicy(_requests, HttpPipelinePosition.PerRetry);
        builder.Services.AddSingleton(new TableServiceClient(_azurite.ConnectionString, tables));
        builder.Services.AddMailBus(BusOptions.Parse(_bus.ConnectionString, _bus.ManagementEndpoint));
        builder.Services.AddMailHousekeeping(builder.Configuration);
        builder.Services.AddSingleton(new RelayOptions { Resolver = Dns.EndPoint });
        builder.Services.AddDkim(DkimKeyStores.InDirectory(DkimKeyDirectory));
        builder.Services.AddAdminApi(builder.Configuration);
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.UseAdminApi();
        await _app.StartAsync();
        Http = new HttpClient { BaseAddress = new Uri(_app.Urls.First() + "/api/"), Timeout = TimeSpan.FromMinutes(2) };
        await PutAsync($"domains/{Domain}", new { });
    }

    /// <summary>A fresh account; with the id of its mailbox.</summary>
    public async Task<(string Address, string MailboxId)> CreateAccountAsync()
    {
        var address = $"{NewName()}@{Domain}";
        Assert.Equal(HttpStatusCode.Created, (await PutAsync($"accounts/{address}", new { password = Password })).Status);
        var entry = await Services.GetRequiredService<Core.Directory.IDirectoryStore>()
            .FindEntryAsync(Core.Addresses.EmailAddress.Parse(address)!, CancellationToken.None);
        return (address, ((Core.Directory.AccountEntry)entry!).MailboxId);
    }

    /// <summary>Puts a message into a mailbox, as Inbound does.</summary>
    public async Task<uint> DeliverAsync(string mailboxId, byte[] octets, string prologue = "", string? subject = null)
    {
        var now = TimeProvider.System.GetUtcNow();
        var id = Core.Envelopes.MessageName.NewId(now);
        var blob = Core.Envelopes.MessageName.BlobFor(id, now);
        await using var upload = Services.GetRequiredService<IMessageStore>().BeginUpload(blob);
        await upload.WriteAsync(octets, CancellationToken.None);
        await upload.CommitAsync(CancellationToken.None);
        var lacksBreak = !octets.AsSpan().EndsWith("\r\n"u8);
        var entry = new MailboxEntry
        {
            MessageId = id,
            Blob = blob,
            Size = prologue.Length + octets.Length + (lacksBreak ? 2 : 0),
            Prologue = prologue,
            LacksFinalLineBreak = lacksBreak,
            ReceivedAt = now,
            Subject = subject,
        };
        return ((DeliveryResult.Delivered)await Services.GetRequiredService<IMailboxDelivery>()
            .DeliverAsync(mailboxId, entry, null, CancellationToken.None))
            .Uid;
    }

    /// <summary>Deletes messages as a POP3 session does.</summary>
    public async Task DeleteMessagesAsync(string address, string mailboxId, params uint[] uids)
    {
        var account = new Core.Accounts.AuthenticatedAccount(Core.Addresses.EmailAddress.Parse(address)!, mailboxId);
        var opened = (MaildropOpening.Opened)await Services.GetRequiredService<IMaildrops>().OpenAsync(account, CancellationToken.None);
        await using var maildrop = opened.Maildrop;
        Assert.Equal(uids.Length, await maildrop.DeleteAsync(uids, CancellationToken.None));
    }

    public Task<(HttpStatusCode Status, JsonElement Body)> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<(HttpStatusCode Status, JsonElement Body)> PutAsync(string path, object body) =>
        SendAsync(HttpMethod.Put, path, JsonContent.Create(body));

    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(HttpMethod method, string path, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var answer = await Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) is true
            && !text.Contains("\n{", StringComparison.Ordinal)
            ? JsonDocument.Parse(text).RootElement
            : default);
    }

    /// <summary>The requests that one call makes to the tables, as `GET directory`, sorted.</summary>
    public async Task<string> CountAsync(Func<Task> call)
    {
        _requests.Seen.Clear();
        await call();
        return string.Join(", ", _requests.Seen.Order());
    }

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        if (_azurite is not null)
        {
            await _azurite.DisposeAsync();
        }

        if (_bus is not null)
        {
            await Bus.DisposeAsync();
            await _bus.DisposeAsync();
        }

        await Dns.DisposeAsync();
        _keys.Dispose();
    }

    private sealed class TableRequests : HttpPipelinePolicy
    {
        public ConcurrentQueue<string> Seen { get; } = new();

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            var path = message.Request.Uri.Path!.Split('/')[^1];
            Seen.Enqueue($"{message.Request.Method} {path.Split('(')[0]}{(path.EndsWith("()", StringComparison.Ordinal) ? " query" : "")}");
            return ProcessNextAsync(message, pipeline);
        }

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();
    }
}
