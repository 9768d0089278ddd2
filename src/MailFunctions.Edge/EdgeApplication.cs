using System.ComponentModel.DataAnnotations;
using System.Net.Sockets;
using System.Security.Cryptography;
using MailFunctions.Azure;
using MailFunctions.Azure.Hosting;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Telemetry;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Core.Stats;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Connections;
using MailFunctions.Edge.Health;
using MailFunctions.Edge.Listeners;
using MailFunctions.Edge.Policy;
using MailFunctions.Edge.Telemetry;
using MailFunctions.Edge.Tls;
using MailFunctions.Protocols.Pop3;
using MailFunctions.Protocols.Smtp;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge;

/// <summary>The edge, put together: configuration, services, listeners.</summary>
internal static class EdgeApplication
{
    /// <summary>Runs until the process is to stop; the exit code. A fault of the configuration is a sentence on standard error.</summary>
    /// <param name="replaceStores">Puts other ports in place of Azure's; null: Blob, Table and Service Bus by configuration.</param>
    public static async Task<int> RunAsync(string[] args, Action<IServiceCollection>? replaceStores = null)
    {
        var builder = ProgramBuilder.Create(args);
        builder.WebHost.UseKestrelHttpsConfiguration();
        // A session continues on the thread that received its octets: it never blocks, so a switch of threads only costs.
        builder.WebHost.UseSockets(sockets =>
        {
            sockets.UnsafePreferInlineScheduling = true;
            (sockets.MaxReadBufferSize, sockets.MaxWriteBufferSize) = (EdgeConnection.UnreadOctets, EdgeConnection.UnsentOctets);
        });
        var faults = builder.Services.AddEdgeOptions(builder.Configuration);
        if (faults.Count > 0)
        {
            return Fail(string.Join(Environment.NewLine, faults));
        }

        try
        {
            (replaceStores ?? (services => AddAzure(services, builder.Configuration)))(builder.Services);
            builder.Services.AddMailTelemetry(builder.Configuration, "mailfunctions-edge");
        }
        catch (ValidationException e)
        {
            return Fail(e.Message);
        }

        builder.Services.TryAddSingleton<MeterTotals>();
        AddSessions(builder.Services);
        builder.WebHost.ConfigureKestrel((_, kestrel) =>
            kestrel.Listen(kestrel.ApplicationServices.GetRequiredService<IOptions<EdgeOptions>>().Value));
        await using var app = builder.Build();
        var backends = app.Services.GetRequiredService<Backends>();
        app.Services.GetService<StorageOutcomes>()?.Listen(
            o => backends.Ended($"{(o.IsWrite ? "writing" : "reading")} {o.Service}", o.Fault));
        EdgeHealth.Map(app);
        PrometheusText.Map(app);
        return await StartAsync(app) is { } fault ? Fail(fault) : await WaitAsync(app);
    }

    private static void AddAzure(IServiceCollection services, ConfigurationManager configuration)
    {
        services.AddMailStorage(StorageOptions.Read(configuration) with
        {
            UploadWait = EdgeOptions.WaitForRoom,
            UploadBudget = configuration.GetValue(
                $"{EdgeOptions.Section}:{nameof(EdgeOptions.MaxOctetsInFlight)}", new EdgeOptions().MaxOctetsInFlight),
        });
        services.AddMailBus(configuration);
        services.AddMailStats();
        services.AddSingleton<SessionTraces>();
        services.AddHostedService(s => s.GetRequiredService<SessionTraces>());
        services.AddSingleton<AppPasswordUses>();
        services.AddHostedService(s => s.GetRequiredService<AppPasswordUses>());
        services.AddKeptPasswords();
        services.AddSingleton<IMessageIntake>(s => new ClaimCheckIntake(
            s.GetRequiredService<IMessageStore>(), new ReportingBus(s.GetRequiredService<IBusSender>(), s.GetRequiredService<Backends>())));
    }

    /// <summary>Where there is an <see cref="IPasswordProofs"/>.</summary>
    internal static void AddKeptPasswords(this IServiceCollection services)
    {
        services.AddSingleton<KeptPasswords>();
        services.AddHostedService(s => s.GetRequiredService<KeptPasswords>());
    }

    private static void AddSessions(IServiceCollection services)
    {
        services.AddSingleton<ServerCertificate>();
        services.AddSingleton<ConnectionLimits>();
        services.AddSingleton<AdmissionMiddleware>();
        services.AddSingleton<ProxyProtocolMiddleware>();
        services.AddSingleton<LoginThrottle>();
        services.AddSingleton<LoginPace>();
        services.AddSingleton<MailRates>();
        services.AddSingleton<CachedDirectory>();
        services.AddSingleton<CachedUsage>();
        services.AddSingleton<KnownPasswords>();
        services.AddSingleton<DerivationQueue>();
        services.AddSingleton<PasswordChecks>();
        services.AddSingleton<DecoyVerifiers>();
        services.AddSingleton<DirectoryAuthenticator>();
        services.AddSingleton<IAuthenticator>(s => new CountedLogins(
            s.GetRequiredService<DirectoryAuthenticator>(), s.GetRequiredService<EdgeEvents>()));
        services.AddSingleton<IOpenLogins, OpenLogins>();
        services.AddSingleton<ISmtpPolicy>(s => new DirectorySmtpPolicy(
            s.GetRequiredService<CachedDirectory>(), s.GetRequiredService<CachedUsage>(), s.GetRequiredService<MailRates>(),
            s.GetRequiredService<IOptions<SmtpOptions>>().Value.SrsKey is { } key
                ? new SrsRewriter(System.Text.Encoding.UTF8.GetBytes(key), s.GetRequiredService<TimeProvider>())
                : null,
            s.GetRequiredService<IOptions<EdgeOptions>>().Value.HostName));
        services.AddSingleton<EdgeEvents>();
        services.AddSingleton<Backends>();
        services.AddSingleton<EdgeHealth>();
        services.AddHostedService<QuietCollector>();
        services.TryAddSingleton(s => new ByteBudget(
            s.GetRequiredService<IOptions<EdgeOptions>>().Value.MaxOctetsInFlight, EdgeOptions.WaitForRoom));
        services.AddSingleton(s => s.GetRequiredService<IOptions<EdgeOptions>>().Value.MemoryOf(
            s.GetRequiredService<ByteBudget>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new SmtpSessionServices
        {
            Memory = s.GetRequiredService<MessageMemory>(),
            Intake = s.GetRequiredService<IMessageIntake>(),
            Policy = s.GetRequiredService<ISmtpPolicy>(),
            Authenticator = s.GetRequiredService<IAuthenticator>(),
            Logins = s.GetRequiredService<IOpenLogins>(),
            Events = s.GetRequiredService<EdgeEvents>(),
            Time = s.GetRequiredService<TimeProvider>(),
            Drain = s.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping,
        });
        services.AddSingleton(s => new Pop3SessionServices
        {
            Authenticator = s.GetRequiredService<IAuthenticator>(),
            Logins = s.GetRequiredService<IOpenLogins>(),
            Maildrops = s.GetRequiredService<IMaildrops>(),
            Pace = s.GetRequiredService<LoginPace>(),
            Events = s.GetRequiredService<EdgeEvents>(),
            Time = s.GetRequiredService<TimeProvider>(),
            Drain = s.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping,
        });
        services.AddOptions<HostOptions>().Configure<IOptions<EdgeOptions>>((host, edge) => host.ShutdownTimeout = edge.Value.GracePeriod);
    }

    /// <summary>Null, or why it can't start.</summary>
    private static async Task<string?> StartAsync(WebApplication app)
    {
        try
        {
            if (app.Services.GetRequiredService<ServerCertificate>() is { IsConfigured: true } certificate)
            {
                certificate.Load();
            }
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return $"Tls__CertificatePath: the certificate can't be used with its key: {e.Message}";
        }

        try
        {
            await app.StartAsync();
            return null;
        }
        catch (Exception e) when (e is SocketException or IOException { InnerException: AddressInUseException })
        {
            return $"A port can't be used: {e.Message}";
        }
    }

    private static async Task<int> WaitAsync(WebApplication app)
    {
        await app.WaitForShutdownAsync();
        return 0;
    }

    private static int Fail(string sentence)
    {
        Console.Error.WriteLine(sentence);
        return 1;
    }
}
