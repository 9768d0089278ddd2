using System.Diagnostics;

namespace MailFunctions.Core.Telemetry;

/// <summary>
/// The spans of a message's way, one trace from the SMTP session to the remote host (decision record 0011). They hold ids
/// and numbers, never addresses or content. Without an exporter there are none, and nothing is written onto the bus.
/// </summary>
public static class MailSpans
{
    public const string SourceName = "MailFunctions";

    /// <summary>The message's UUIDv7.</summary>
    public const string MessageTag = "mail.message";
    public const string JobTag = "mail.job";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>
    /// What a bus message or a job carries on, as `traceparent` (W3C Trace Context §3.2); null without an exporter. That a
    /// trace is not sampled is carried on too, so that of each message all spans are exported or none.
    /// </summary>
    public static string? TraceParent => Activity.Current is { } span && span.Source == Source ? span.Id : null;

    /// <summary>A step within the span that runs.</summary>
    public static Activity? Start(string name, ActivityKind kind = ActivityKind.Internal) => Source.StartActivity(name, kind);

    /// <summary>Goes on with the trace that a message carries; begins one when it carries none, or nothing that can be read.</summary>
    public static Activity? Continue(string name, ActivityKind kind, string? traceParent)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        // The span of the running HTTP call is the server's own and not exported: none of ours is its child.
        Activity.Current = null;
        return ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent)
            ? Source.StartActivity(name, kind, parent)
            : Source.StartActivity(name, kind);
    }

    /// <summary>Tags the span that runs, if it is one of these.</summary>
    public static void Tag(string name, object? value)
    {
        if (Activity.Current is { } span && span.Source == Source)
        {
            span.SetTag(name, value);
        }
    }
}
