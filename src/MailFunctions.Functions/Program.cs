using System.ComponentModel.DataAnnotations;
using MailFunctions.Azure;
using MailFunctions.Azure.Hosting;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Telemetry;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Hosting;
using MailFunctions.Functions.Inbound;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Traces;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Azure.Functions.Worker.Builder;

ProgramBuilder.EnsureHome();
var builder = FunctionsApplication.CreateBuilder([ProgramBuilder.ReadOnce, .. args]);
builder.ConfigureFunctionsWebApplication();
builder.Services.KeepOutDataProtection();
builder.Services.Configure<KestrelServerOptions>(k => k.AddServerHeader = false);
ProgramBuilder.Quiet(builder.Logging);
try
{
    builder.Services.AddMailStorage(builder.Configuration);
    builder.Services.AddMailBus(builder.Configuration);
    builder.Services.AddRelay(builder.Configuration);
    builder.Services.AddDkim(builder.Configuration);
    builder.Services.AddMailHousekeeping(builder.Configuration);
    builder.Services.AddMailTelemetry(builder.Configuration, "mailfunctions-functions");
    builder.Services.AddAdminApi(builder.Configuration);
}
catch (ValidationException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

builder.Services.AddCountedTraces();
builder.Services.AddMailStats();
builder.Services.AddSingleton<ForwardedSender>();
builder.Services.AddSingleton<RecipientRouting>();
builder.Services.AddSingleton<InboundDelivery>();

await builder.Build().RunAsync();
return 0;
