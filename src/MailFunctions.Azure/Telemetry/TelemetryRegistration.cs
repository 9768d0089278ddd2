using System.ComponentModel.DataAnnotations;
using Azure.Identity;
using Azure.Monitor.OpenTelemetry.Exporter;
using MailFunctions.Core.Stats;
using MailFunctions.Core.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace MailFunctions.Azure.Telemetry;

/// <summary>Exports spans and meters by OpenTelemetry, where a setting says where to; else nothing of it is loaded.</summary>
public static class TelemetryRegistration
{
    public const string OtlpKey = "OTEL_EXPORTER_OTLP_ENDPOINT";
    public const string MonitorKey = "APPLICATIONINSIGHTS_CONNECTION_STRING";

    /// <summary>Says `Authorization=AAD` where Azure Monitor takes identities only.</summary>
    public const string MonitorAuthenticationKey = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING";

    /// <summary>OTLP goes where `OTEL_EXPORTER_OTLP_ENDPOINT` says; the SDK reads the other `OTEL_` variables by itself.</summary>
    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static IServiceCollection AddMailTelemetry(this IServiceCollection services, IConfiguration configuration, string serviceName)
    {
        var (otlp, monitor) = (configuration[OtlpKey], configuration[MonitorKey]);
        if (!string.IsNullOrEmpty(otlp) && !(Uri.TryCreate(otlp, UriKind.Absolute, out var endpoint) && endpoint.Scheme is "http" or "https"))
        {
            throw new ValidationException($"{OtlpKey}: '{otlp}' is no URL of the form http://host:port.");
        }

        if (!string.IsNullOrEmpty(monitor) && !monitor.Contains("InstrumentationKey=", StringComparison.OrdinalIgnoreCase))
        {
            throw new ValidationException($"{MonitorKey}: this is no connection string of Application Insights.");
        }

        if (!string.IsNullOrEmpty(otlp) || !string.IsNullOrEmpty(monitor))
        {
            AddExporters(services, serviceName, !string.IsNullOrEmpty(otlp), Monitor(monitor, configuration[MonitorAuthenticationKey]));
        }

        return services;
    }

    private static Action<AzureMonitorExporterOptions>? Monitor(string? connection, string? authentication) => string.IsNullOrEmpty(connection)
        ? null
        : options =>
        {
            options.ConnectionString = connection;
            options.Credential = authentication?.Contains("Authorization=AAD", StringComparison.OrdinalIgnoreCase) is true ? new DefaultAzureCredential() : null;
        };

    private static void AddExporters(IServiceCollection services, string serviceName, bool otlp, Action<AzureMonitorExporterOptions>? monitor) =>
        services.AddOpenTelemetry()
            .ConfigureResource(r => r.AddService(serviceName).AddEnvironmentVariableDetector()) // OTEL_SERVICE_NAME has the last word
            .WithTracing(tracing => Export(tracing.AddSource(MailSpans.SourceName), otlp, monitor))
            .WithMetrics(metrics => Export(metrics.AddMeter(MeterTotals.MeterPrefix + "*"), otlp, monitor));

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
