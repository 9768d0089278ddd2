using MailFunctions.TestWorker;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

Notes.Add(new
{
    started = Environment.ProcessId,
    environment =
        ((string[])[
            "ASPNETCORE_URLS", "FUNCTIONS_APPLICATION_DIRECTORY", "FUNCTIONS_WORKER_DIRECTORY", "FUNCTIONS_WORKER_RUNTIME_VERSION",
            "HOST_MASTER_KEY", "HOST_FUNCTION_KEY"])
        .ToDictionary(n => n, Environment.GetEnvironmentVariable),
});
if (Environment.GetEnvironmentVariable("WORKER_EXITS") is { } code)
{
    Console.Error.WriteLine("It can't start.");
    return int.Parse(code, System.Globalization.CultureInfo.InvariantCulture);
}

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
await builder.Build().RunAsync();
Notes.Add(new { ended = Environment.ProcessId });
return 0;
