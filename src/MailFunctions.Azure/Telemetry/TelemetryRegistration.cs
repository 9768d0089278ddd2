using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

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
        if (!string.IsNullOrEmpty(otlp)
            && !(Uri.TryCreate(otlp, UriKind.Absolute, out var endpoint) && endpoint.Scheme is "http" or "https"))
        {
            throw new ValidationException($"{OtlpKey}: '{otlp}' is no URL of the form http://host:port.");
        }

        if (!string.IsNullOrEmpty(monitor) && !monitor.Contains("InstrumentationKey=", StringComparison.OrdinalIgnoreCase))
        {
            throw new ValidationException($"{MonitorKey}: this is no connection string of Application Insights.");
        }

        if (!string.IsNullOrEmpty(otlp) || !string.IsNullOrEmpty(monitor))
        {
            Exporters.Add(services, serviceName, !string.IsNullOrEmpty(otlp), monitor, configuration[MonitorAuthenticationKey]);
        }

        return services;
    }
}
