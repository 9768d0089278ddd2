using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound;

/// <summary>The result of an attempt for a recipient, or for all recipients of a job.</summary>
/// <param name="Kind">One of <see cref="ResultKind"/>.</param>
/// <param name="Status">RFC 3463 status.</param>
/// <param name="RemoteHost">The host that decided it; null: this server.</param>
internal sealed record Verdict(string Kind, string Status, string Reply, string? RemoteHost = null)
{
    public static Verdict Failed(string status, string reply, string? remoteHost = null) =>
        new(ResultKind.Failed, status, reply, remoteHost);

    public static Verdict Deferred(string status, string reply, string? remoteHost = null) =>
        new(ResultKind.Deferred, status, reply, remoteHost);

    public IReadOnlyList<RecipientResult> ForAll(OutboundJob job, DateTimeOffset at)
    {
        var reply = SmtpReplyText.Line(Reply);
        return [.. job.Recipients.Select(r => new RecipientResult(r with { LastReply = reply }, Kind, Status, reply, RemoteHost, at))];
    }
}
