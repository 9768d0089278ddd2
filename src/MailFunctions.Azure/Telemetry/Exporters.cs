using Azure.Identity;
using Azure.Monitor.OpenTelemetry.Exporter;
using MailFunctions.Core.Stats;
using MailFunctions.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace MailFunctions.Azure.Telemetry;

/// <summary>
/// The OpenTelemetry SDK put together. In a class of its own, so that a process that exports nothing loads nothing of it.
/// </summary>
internal static class Exporters
{
    /// <param name="monitor">Connection string of Application Insights, or null.</param>
    public static void Add(IServiceCollection services, string serviceName, bool otlp, string? monitor, string? monitorAuthentication)
    {
        var toMonitor = string.IsNullOrEmpty(monitor) ? null : Monitor(monitor, monitorAuthentication);
        services.AddOpenTelemetry()
            .ConfigureResource(r => r.AddService(serviceName).AddEnvironmentVariableDetector()) // OTEL_SERVICE_NAME has the last word
            .WithTracing(tracing => Export(tracing.AddSource(MailSpans.SourceName), otlp, toMonitor))
            .WithMetrics(metrics => Export(metrics.AddMeter(MeterTotals.MeterPrefix + "*"), otlp, toMonitor));
    }

    private static Action<AzureMonitorExporterOptions> Monitor(string connection, string? authentication) => options =>
    {
        options.ConnectionString = connection;
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_TRACES_SAMPLER")))
        {
            // Its own default drops what is more than five traces a second, for every exporter, and often the first one.
            (options.TracesPerSecond, options.SamplingRatio) = (null, 1);
        }

        if (authentication?.Contains("Authorization=AAD", StringComparison.OrdinalIgnoreCase) is true)
        {
            options.Credential = new DefaultAzureCredential();
        }
    };

    private static void Export(TracerProviderBuilder tracing, bool otlp, Action<AzureMonitorExporterOptions>? monitor)
    {
        if (otlp)
        {
            tracing.AddOtlpExporter();
        }

        if (monitor is not null)
        {
            tracing.AddAzureMonitorTraceExporter(monitor);
        }
    }

    private static void Export(MeterProviderBuilder metrics, bool otlp, Action<AzureMonitorExporterOptions>? monitor)
    {
        if (otlp)
        {
            metrics.AddOtlpExporter();
        }

        if (monitor is not null)
        {
            metrics.AddAzureMonitorMetricExporter(monitor);
        }
    }
}
