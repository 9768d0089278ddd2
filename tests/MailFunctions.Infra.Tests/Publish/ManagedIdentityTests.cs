using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using MailFunctions.Azure;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.TestKit;
using MailKit.Net.Pop3;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using MimeKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>The published edge logs in to storage and bus as it does in Azure: by the tokens of a managed identity, over TLS.</summary>
[Collection(PublishedCollection.Name)]
public sealed class ManagedIdentityTests(PublishedPrograms published)
{
    private const string Address = "ann@example.test";
    private const string Password = "correct horse battery";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Edge_WithAManagedIdentity_TakesMailIntoStorageAndBus()
    {
        using var directory = new TemporaryDirectory();
        using var certificate = CreateCertificate(directory);
        await using var identity = await IdentityEndpoint.StartAsync();
        await using var azurite =
            await AzuriteProcess.StartAsync(
                "--oauth", "basic", "--cert", directory.File("server.pem"), "--key", directory.File("server.key"));
        using var bus = TokenBus.Open(certificate, QueueNames.Inbound);
        var blobs = await SetUpAsync(azurite, certificate);
        var ports = ((string[])["Smtp", "Submission", "Smtps", "Pop3", "Pop3s", "Health"]).ToDictionary(n => n, _ => FreePorts.Next());
        var environment = new Dictionary<string, string?>(identity.Environment.ToDictionary(v => v.Key, v => (string?)v.Value))
        {
            ["SSL_CERT_FILE"] = directory.File("server.pem"),
            ["MailStorage__blobServiceUri"] = azurite.BlobServiceUri.ToString(),
            ["MailStorage__tableServiceUri"] = azurite.TableServiceUri.ToString(),
            ["ServiceBusConnection__fullyQualifiedNamespace"] = "localhost",
            ["Edge__HostName"] = "mx.example.test",
            ["Edge__Address"] = "127.0.0.1",
            ["Tls__CertificatePath"] = directory.File("server.pem"),
            ["Tls__KeyPath"] = directory.File("server.key"),
        };
        foreach (var (name, port) in ports)
        {
            environment[$"Edge__Ports__{name}"] = $"{port}";
        }

        await using var edge = ProgramProcess.Start(Path.Combine(published.Edge, "MailFunctions.Edge"), [], environment);
        await WaitUntilReadyAsync(edge, ports["Health"]);
        await SendAsync(ports["Submission"], certificate);
        using var pop = new Pop3Client
        {
            ServerCertificateValidationCallback = (_, c, _, _) => c?.GetCertHashString() == certificate.Thumbprint,
            CheckCertificateRevocation = false,
        };
        await pop.ConnectAsync("127.0.0.1", ports["Pop3"], SecureSocketOptions.StartTls);
        await pop.AuthenticateAsync(Address, Password);

        Assert.Equal(0, pop.Count); // the function that delivers isn't here
        Assert.NotEmpty(blobs.GetBlobs());
        Assert.Single(bus.Messages);
        Assert.NotEmpty(bus.Tokens);
        Assert.All(bus.Tokens, t => Assert.Equal("jwt", t.Type));
        Assert.Equal(
            ["https://servicebus.azure.net", "https://storage.azure.com"], identity.Resources.Keys.Select(r => r.TrimEnd('/')).Order());
    }

    /// <summary>Container, tables and one account, by the account's key.</summary>
    private static async Task<BlobContainerClient> SetUpAsync(AzuriteProcess azurite, X509Certificate2 certificate)
    {
        var transport = new HttpClientTransport(
            new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, c, _, _) => c?.Thumbprint == certificate.Thumbprint });
        var blobs = new BlobServiceClient(azurite.ConnectionString, new BlobClientOptions { Transport = transport });
        var tables = new TableServiceClient(azurite.ConnectionString, new TableClientOptions { Transport = transport });
        var container = blobs.GetBlobContainerClient(StorageSetup.Containers[0]);
        await container.CreateIfNotExistsAsync();
        foreach (var table in StorageSetup.Tables)
        {
            await tables.CreateTableIfNotExistsAsync(table);
        }

        await using var services = new ServiceCollection().AddLogging()
            .AddMailStorage(new ConfigurationBuilder()
                .AddInMemoryCollection([KeyValuePair.Create(StorageOptions.Key, (string?)azurite.ConnectionString)]).Build())
            .AddSingleton(blobs).AddSingleton(tables).BuildServiceProvider();
        var directory = services.GetRequiredService<IDirectoryStore>();
        await directory.PutDomainAsync(new MailDomain { Name = "example.test" }, default);
        await directory.PutEntryAsync(
            new AccountEntry
            {
                Address = EmailAddress.Parse(Address)!,
                MailboxId = "box-ann",
                Password = ScramVerifier.Create(Password, iterations: 4096),
            }, default);
        return container;
    }

    private static async Task SendAsync(int port, X509Certificate2 certificate)
    {
        using var client = new SmtpClient
        {
            ServerCertificateValidationCallback = (_, c, _, _) => c?.GetCertHashString() == certificate.Thumbprint,
            CheckCertificateRevocation = false,
        };
        await client.ConnectAsync("127.0.0.1", port, SecureSocketOptions.StartTls);
        await client.AuthenticateAsync(Address, Password);
        var message = new MimeMessage { Subject = "By a managed identity", Body = new TextPart("plain") { Text = "Hello\r\n" } };
        message.From.Add(MailboxAddress.Parse(Address));
        message.To.Add(MailboxAddress.Parse(Address));
        await client.SendAsync(message);
        await client.DisconnectAsync(quit: true);
    }

    private static async Task WaitUntilReadyAsync(ProgramProcess edge, int port)
    {
        using var http = new HttpClient();
        var said = "nothing";
        for (var started = TimeProvider.System.GetTimestamp(); !edge.HasExited
            && TimeProvider.System.GetElapsedTime(started) < Limit; await Task.Delay(100))
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/healthz/ready"));
                said = await answer.Content.ReadAsStringAsync();
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
        }

        Assert.Fail($"The edge is not ready ({said}):\n{string.Join('\n', edge.Output)}\n{string.Join('\n', edge.Errors)}");
    }

    /// <summary>For storage, bus and edge; the edge trusts it as if it were an authority.</summary>
    private static X509Certificate2 CreateCertificate(TemporaryDirectory directory)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(directory.File("server.pem"), made.ExportCertificatePem());
        File.WriteAllText(directory.File("server.key"), key.ExportPkcs8PrivateKeyPem());
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }
}
