using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using MailFunctions.Azure.Messages;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Edge;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace MailFunctions.Benchmarks;

/// <summary>
/// The edge as it is deployed, with TLS and the memory of messages, over a blob service that takes all and keeps nothing.
/// For `slow@bench.test` the directory does not answer, for `hold@bench.test` the bus does not.
/// </summary>
internal static class HostileEdge
{
    public static async Task<int> RunAsync(string[] args)
    {
        var options =
            Arguments.Parse(args, new()
            {
                ["smtp-port"] = "2525",
                ["pop3-port"] = "2110",
                ["smtps-port"] = "2465",
                ["budget"] = "67108864",
                ["per-client"] = "67108864",
            });
        using var files = new TemporaryDirectory();
        var certificate = files.File("server.pem");
        WriteCertificate(certificate);
        return await EdgeApplication.RunAsync(
        [
            "--Edge:Address=127.0.0.1", "--Edge:HostName=mail.bench.test", $"--Tls:CertificatePath={certificate}",
            $"--Edge:Ports:Smtp={options["smtp-port"]}", $"--Edge:Ports:Smtps={options["smtps-port"]}",
            $"--Edge:Ports:Pop3={options["pop3-port"]}",
            "--Edge:Ports:Submission=0", "--Edge:Ports:Pop3s=0", "--Edge:Ports:Health=0",
            "--Edge:MaxConnections=10000", "--Edge:MaxConnectionsPerClient=10000", $"--Edge:MaxOctetsInFlight={options["budget"]}",
            $"--Edge:MaxOctetsPerClient={options["per-client"]}",
            $"--Edge:MaxOctetsPerNetwork={options["per-client"]}",
            "--Rates:MessagesPerClient=0", "--Rates:RecipientsPerClient=0", "--Logging:LogLevel:Default=Warning",
        ],
        services =>
        {
            var nowhere = new BlobServiceClient(
                new Uri("https://blobs.invalid/"), new BlobClientOptions
                {
                    Transport = new HttpClientTransport(new HttpClient(new Taken())),
                });
            services.TryAddSingleton(TimeProvider.System);
            services.AddSingleton<IMessageStore>(s => new MessageBlobs(nowhere, s.GetRequiredService<ByteBudget>()));
            services.AddSingleton<IMessageIntake, ClaimCheckIntake>();
            services.AddSingleton<IDirectoryStore, SlowDirectory>();
            services.AddSingleton<IMailboxDelivery, EdgeDiscard.NoMailboxes>();
            services.AddSingleton<IMaildrops, EdgeDiscard.NoMailboxes>();
            services.AddSingleton<IBusSender, HoldingBus>();
        });
    }

    private static void WriteCertificate(string path)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.bench.test", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(path, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    /// <summary>A blob service that reads each PUT to its end and says that it is done.</summary>
    private sealed class Taken : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Content is { } content)
            {
                await content.CopyToAsync(Stream.Null, cancellationToken);
            }

            var response = new HttpResponseMessage(HttpStatusCode.Created) { Content = new ByteArrayContent([]), RequestMessage = request };
            response.Headers.TryAddWithoutValidation("ETag", "\"0x1\"");
            response.Headers.TryAddWithoutValidation("x-ms-request-server-encrypted", "true");
            response.Content.Headers.TryAddWithoutValidation("Last-Modified", "Mon, 23 Nov 2026 00:00:00 GMT");
            return response;
        }

        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }

    private sealed class SlowDirectory : EdgeDiscard.BenchDirectory
    {
        public override async ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken)
        {
            if (address.LocalPart == "slow")
            {
                await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken);
            }

            return await base.FindEntryAsync(address, cancellationToken);
        }
    }

    private sealed class HoldingBus : FakeBus
    {
        public override Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) =>
            Encoding.UTF8.GetString(message.Body.Span).Contains("hold@", StringComparison.Ordinal)
                ? Task.Delay(TimeSpan.FromSeconds(30), cancellationToken)
                : Task.CompletedTask;
    }
}
