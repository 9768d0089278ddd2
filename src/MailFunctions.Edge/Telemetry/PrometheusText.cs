using System.Globalization;
using System.Text;
using MailFunctions.Core.Stats;

namespace MailFunctions.Edge.Telemetry;

/// <summary>`/metrics` beside the health checks: what this process counted since it started, in Prometheus's text format 0.0.4.</summary>
internal static class PrometheusText
{
    public const string MediaType = "text/plain; version=0.0.4; charset=utf-8";

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/metrics", (MeterTotals totals) => TypedResults.Text(Write(totals.Read()), MediaType));

    /// <summary>`mail.smtp.commands.refused{code=550}` becomes `mail_smtp_commands_refused_total{code="550"}`.</summary>
    public static string Write(IReadOnlyDictionary<string, long> totals)
    {
        var text = new StringBuilder();
        var families = totals.Select(t => (Name: NameOf(t.Key), Labels: LabelsOf(t.Key), t.Value))
            .GroupBy(t => t.Name).OrderBy(f => f.Key, StringComparer.Ordinal);
        foreach (var family in families)
        {
            text.Append(CultureInfo.InvariantCulture, $"# TYPE {family.Key} counter\n");
            foreach (var (name, labels, value) in family.OrderBy(t => t.Labels, StringComparer.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}{labels} {value}\n");
            }
        }

        return text.ToString();
    }

    private static string NameOf(string key)
    {
        var name = key.Split('{')[0];
        return string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_')) + "_total";
    }

    private static string LabelsOf(string key)
    {
        var brace = key.IndexOf('{', StringComparison.Ordinal);
        if (brace < 0)
        {
            return "";
        }

        var labels = key[(brace + 1)..^1].Split(',').Select(l => l.Split('=', 2)).Where(l => l.Length == 2)
            .Select(l => $"{l[0]}=\"{Escape(l[1])}\"");
        return $"{{{string.Join(',', labels)}}}";
    }

    private static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal)
        .Replace("\n", "\\n", StringComparison.Ordinal);
}
