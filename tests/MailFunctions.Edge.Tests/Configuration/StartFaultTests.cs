using System.Net;
using System.Net.Sockets;
using MailFunctions.Azure.Storage;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Configuration;

/// <summary>What keeps the program from starting is said in one sentence that names the right thing.</summary>
public sealed class StartFaultTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Start_CertificateFileThatCantBeRead_IsNoFaultOfAPort()
    {
        // It is there, and reading its beginning fails for everybody.
        var errors = await StartAsync("--Tls:CertificatePath=/proc/self/mem");

        Assert.StartsWith(
            "Tls__CertificatePath: the certificate can't be used with its key: ", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_CertificateWithoutItsKey_SaysSo()
    {
        using var files = new TemporaryDirectory();
        using var certificate = TestCertificate.Create("mail.example.test");
        await File.WriteAllTextAsync(files.File("server.pem"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);

        var errors = await StartAsync($"--Tls:CertificatePath={files.File("server.pem")}");

        Assert.StartsWith(
            "Tls__CertificatePath: the certificate can't be used with its key: ", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_PortThatSomebodyElseHas_SaysSo()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        var errors = await StartAsync($"--Edge:Ports:Smtp={port}");

        Assert.Contains(errors, line => line.StartsWith("A port can't be used: ", StringComparison.Ordinal)
            && line.Contains($":{port}:", StringComparison.Ordinal));
    }

    /// <summary>The program itself; what it said on standard error before it ended with 1.</summary>
    private static async Task<IReadOnlyList<string>> StartAsync(params string[] settings)
    {
        string[] common =
        [
            "--Edge:Address=127.0.0.1", "--Edge:Ports:Smtp=0", "--Edge:Ports:Submission=0", "--Edge:Ports:Smtps=0", "--Edge:Ports:Pop3=0",
            "--Edge:Ports:Pop3s=0", "--Edge:Ports:Health=0",
            $"--{StorageOptions.Key}=UseDevelopmentStorage=true",
            "--ServiceBusConnection=Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=test;SharedAccessKey=dGVzdA==;"
                + "UseDevelopmentEmulator=true",
        ];
        await using var edge = ProgramProcess.Start(Path.Combine(AppContext.BaseDirectory, "MailFunctions.Edge"), [.. common, .. settings]);
        await edge.WaitForExitAsync(Limit);
        Assert.Equal(1, edge.ExitCode);
        return [.. edge.Errors];
    }
}
