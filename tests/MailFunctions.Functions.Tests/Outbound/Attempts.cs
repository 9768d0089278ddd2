using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>Single attempts of a message to a scripted server.</summary>
internal static class Attempts
{
    private const string Blob = "2026/11/23/m.eml";

    public static readonly byte[] Plain = "Subject: x\r\n\r\nHello\r\n"u8.ToArray();

    public static OutboundJob Job(params string[] recipients) => new()
    {
        Id = "m-x",
        Domain = "one.test",
        MessageId = "m",
        Blob = Blob,
        Size = 0,
        MailFrom = new ReversePath { Address = "alice@example.test" },
        ReceivedAt = DateTimeOffset.UtcNow,
        Recipients = [.. recipients.Select(r => new OutboundRecipient { Address = r })],
        NextAttempt = DateTimeOffset.UtcNow,
    };

    public static RelayHost Host(ScriptedMta mta, RelayTls tls = RelayTls.Opportunistic) => new("127.0.0.1", mta.Port, tls, null, null);

    public static Task<IReadOnlyList<RecipientResult>> RunAsync(ScriptedMta mta, OutboundJob job, byte[]? content = null) =>
        RunAsync(Host(mta), job, content);

    public static Task<IReadOnlyList<RecipientResult>> RunAsync(
        RelayHost host, OutboundJob job, byte[]? content = null, Func<RelayOptions, RelayOptions>? change = null, TimeProvider? time = null)
    {
        content ??= Plain;
        var options = new RelayOptions { HostName = "mail.example.test", Routes = [new RelayRoute("*", host)] };
        options = change?.Invoke(options) ?? options;
        var store = new MemoryStore { Blobs = { [Blob] = content } };
        return TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), store, time: time)
            .AttemptAsync(job with { Size = content.Length }, TestContext.Current.CancellationToken);
    }

    public static string Text(this ReceivedMail mail) => Encoding.Latin1.GetString(mail.Content);
}
