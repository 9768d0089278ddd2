using System.Net.Sockets;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound.Hosts;

/// <summary>Why nothing could be sent to a host.</summary>
/// <param name="Status">RFC 3463 status, of class 4.</param>
/// <param name="RemoteHost">The host whose reply it is; null: a text of our own.</param>
internal sealed record HostFailure(string Status, string Reply, string? RemoteHost)
{
    /// <summary>Of any exception: one without a text of its own here is a deferral like the others, with its type as the reason.</summary>
    public static HostFailure Of(RelayHost host, Exception e) => e switch
    {
        StoreUnavailableException => new HostFailure("4.3.0", SmtpReplyText.Line(e.Message), null),
        OperationCanceledException or TimeoutException => Own(host, "did not answer in time"),
        SocketException socket => Own(host, $"can't be reached ({socket.SocketErrorCode})"),
        IOException or InvalidDataException => new HostFailure("4.4.1", SmtpReplyText.Line($"the connection with {host} broke"), null),
        _ => Own(host, $"could not be used ({e.GetType().Name})"),
    };

    private static HostFailure Own(RelayHost host, string what) => new("4.4.1", SmtpReplyText.Line($"{host} {what}"), null);
}
