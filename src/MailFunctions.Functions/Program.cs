using System.ComponentModel.DataAnnotations;
using System.Net;
using MailFunctions.Azure;
using MailFunctions.Azure.Hosting;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Telemetry;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Hosting;
using MailFunctions.Functions.Housekeeping;
using MailFunctions.Functions.Inbound;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Traces;

const string PortVariable = "FUNCTIONS_CUSTOMHANDLER_PORT";
const int DrainSeconds = 4;

var builder = ProgramBuilder.Create(args);
try
{
    var port = builder.Configuration[PortVariable] is { } text && int.TryParse(text, out var number) && number is > 0 and <= IPEndPoint.MaxPort
        ? number
        : throw new ValidationException($"{PortVariable} is missing: the Azure Functions host sets it when it starts this program.");
    builder.Services.AddMailStorage(builder.Configuration);
    builder.Services.AddMailBus(builder.Configuration);
    builder.Services.AddRelay(builder.Configuration);
    builder.Services.AddDkim(builder.Configuration);
    builder.Services.AddMailHousekeeping(builder.Configuration);
    builder.Services.AddMailTelemetry(builder.Configuration, "mailfunctions-functions");
    builder.Services.AddAdminApi(builder.Configuration);
    // The host's ASPNETCORE_URLS is inherited: bind explicitly.
    builder.WebHost.ConfigureKestrel(k =>
    {
        k.AddServerHeader = false;
        k.Listen(IPAddress.Loopback, port);
    });
}
catch (ValidationException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(DrainSeconds));
builder.Services.AddCountedTraces();
builder.Services.AddMailStats();
builder.Services.AddSingleton<ForwardedSender>();
builder.Services.AddSingleton<InboundDelivery>();
builder.Services.AddSingleton<HousekeepingFunction>();

var app = builder.Build();
app.UseAdminApi();
app.MapGet("/", () => TypedResults.Text("MailFunctions")).ExcludeFromDescription();
app.MapInbound();
app.MapOutbound();
app.MapHousekeeping();
await app.RunAsync();
return 0;
