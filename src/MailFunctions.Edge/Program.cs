using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using MailFunctions.Azure;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Health;
using MailFunctions.Edge.Listeners;
using MailFunctions.Edge.Policy;
using MailFunctions.Edge.Telemetry;
using MailFunctions.Edge.Tls;
using MailFunctions.Protocols.Pop3;
using MailFunctions.Protocols.Smtp;
using Microsoft.Extensions.Options;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders().AddSimpleConsole(o => o.SingleLine = true);
builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Azure", LogLevel.Warning);
builder.WebHost.UseKestrelHttpsConfiguration();

var services = builder.Services;
var faults = services.AddEdgeOptions(builder.Configuration);
if (faults.Count > 0)
{
    return Fail(string.Join(Environment.NewLine, faults));
}

try
{
    services.AddMailStorage(StorageOptions.Read(builder.Configuration) with
    {
        UploadBudget = builder.Configuration.GetValue($"{EdgeOptions.Section}:{nameof(EdgeOptions.MaxOctetsInFlight)}", new EdgeOptions().MaxOctetsInFlight),
    });
    services.AddMailBus(builder.Configuration);
}
catch (ValidationException e)
{
    return Fail(e.Message);
}

services.AddSingleton<ServerCertificate>();
services.AddSingleton<ConnectionLimits>();
services.AddSingleton<LoginThrottle>();
services.AddSingleton<MailRates>();
services.AddSingleton<CachedDirectory>();
services.AddSingleton<CachedUsage>();
services.AddSingleton<RememberedPasswords>();
services.AddSingleton<IAuthenticator, DirectoryAuthenticator>();
services.AddSingleton<ISmtpPolicy, DirectorySmtpPolicy>();
services.AddSingleton<IMessageIntake, ClaimCheckIntake>();
services.AddSingleton<EdgeEvents>();
services.AddSingleton<EdgeHealth>();
services.AddSingleton(s => new SmtpSessionServices
{
    Intake = s.GetRequiredService<IMessageIntake>(),
    Policy = s.GetRequiredService<ISmtpPolicy>(),
    Authenticator = s.GetRequiredService<IAuthenticator>(),
    Events = s.GetRequiredService<EdgeEvents>(),
    Drain = s.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping,
});
services.AddSingleton(s => new Pop3SessionServices
{
    Authenticator = s.GetRequiredService<IAuthenticator>(),
    Maildrops = s.GetRequiredService<IMaildrops>(),
    Events = s.GetRequiredService<EdgeEvents>(),
    Drain = s.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping,
});
services.AddOptions<HostOptions>().Configure<IOptions<EdgeOptions>>((host, edge) => host.ShutdownTimeout = edge.Value.GracePeriod);
builder.WebHost.ConfigureKestrel((_, kestrel) => kestrel.Listen(kestrel.ApplicationServices.GetRequiredService<IOptions<EdgeOptions>>().Value));

await using var app = builder.Build();
EdgeHealth.Map(app);
try
{
    if (app.Services.GetRequiredService<ServerCertificate>() is { IsConfigured: true } certificate)
    {
        certificate.Load();
    }

    await app.StartAsync();
}
catch (CryptographicException e)
{
    return Fail($"Tls__CertificatePath: the file holds no usable certificate with its key: {e.Message}");
}
catch (IOException e)
{
    return Fail($"A port can't be used: {e.Message}");
}

await app.WaitForShutdownAsync();
return 0;

static int Fail(string sentence)
{
    Console.Error.WriteLine(sentence);
    return 1;
}
