using System.Net.Sockets;
using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Outbound;

/// <summary>Why nothing could be sent to a host.</summary>
/// <param name="Status">RFC 3463 status, of class 4.</param>
/// <param name="RemoteHost">Who said so; null: our own words.</param>
internal sealed record Trouble(string Status, string Reply, string? RemoteHost)
{
    /// <summary>Whatever happened: what has no name of its own here is a deferral like the others, with its kind as the reason.</summary>
    public static Trouble Of(Smarthost host, Exception e) => e switch
    {
        StoreUnavailableException => new Trouble("4.3.0", SmtpReplyText.Line(e.Message), null),
        OperationCanceledException or TimeoutException => Own(host, "did not answer in time"),
        SocketException socket => Own(host, $"can't be reached ({socket.SocketErrorCode})"),
        IOException or InvalidDataException => new Trouble("4.4.1", SmtpReplyText.Line($"the connection with {host} broke"), null),
        _ => Own(host, $"could not be talked to ({e.GetType().Name})"),
    };

    private static Trouble Own(Smarthost host, string what) => new("4.4.1", SmtpReplyText.Line($"{host} {what}"), null);
}
