using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.Functions.Tests.Outbound;
using MailFunctions.TestKit;
using MimeKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Dsn;

/// <summary>Reports are valid MIME whatever the message and the peer's words are made of, for any host.</summary>
public sealed class DsnMessageTests
{
    private const string Blob = "2026/11/23/m.eml";
    private const string Umlauts = "550 5.1.1 Empfänger unbekannt — 宛先不明";
    private static readonly RelayOptions Options = new() { HostName = "mail.example.test" };

    private readonly MemoryStore _store = new();
    private readonly MemoryBus _bus = new();

    public static TheoryData<string, bool, bool, string, bool> Originals => new()
    {
        // the message, RET=FULL, SMTPUTF8, what is returned, in 8 bits
        { "Subject: x\r\n\r\nHello\r\n", false, false, "text/rfc822-headers", false },
        { "Subject: x\r\n\r\nHello\r\n", true, false, "message/rfc822", false },
        { "Subject: Grüße\r\n\r\nHello\r\n", false, false, "text/rfc822-headers", false },
        { "Subject: Grüße\r\n\r\nHello\r\n", true, false, "text/rfc822-headers", false },
        { "Subject: Grüße\r\n\r\nHello\r\n", false, true, "message/global-headers", false },
        { "Subject: Grüße\r\n\r\nHello\r\n", true, true, "message/global", false },
        { "Subject: x\r\n\r\nGrüße\r\n", false, false, "text/rfc822-headers", false },
        { "Subject: x\r\n\r\nGrüße\r\n", true, false, "message/rfc822", true },
        { Multipart("signed", "\r\n\r\nGrüße"), true, false, "text/rfc822-headers", false },
        { Multipart("mixed", "Content-Description: Grüße\r\n\r\nx"), true, false, "text/rfc822-headers", false },
        { "Subject: x\r\n\r\n" + new string('x', 999) + "\r\n", true, false, "text/rfc822-headers", false },
        { "Subject: x\r\n\r\nnul \0 and \n and \r here\r\n", true, true, "text/rfc822-headers", false },
        { "Subject: " + new string('x', 2000) + "\r\n\r\nHello\r\n", true, false, "text/rfc822-headers", false },
        { "Subject: no end", true, false, "message/rfc822", false },
        { "", true, false, "message/rfc822", false },
    };

    private static string Multipart(string subtype, string part) =>
        $"Subject: x\r\nContent-Type: multipart/{subtype}; boundary=b\r\n\r\n--b\r\n{part}\r\n--b\r\n\r\nlast\r\n--b--\r\n";

    [Theory]
    [MemberData(nameof(Originals))]
    public async Task Report_WhateverTheOriginalIs_IsValidForSevenBitHosts(
        string original, bool whole, bool smtpUtf8, string returned, bool eightBit)
    {
        _store.Blobs[Blob] = Encoding.UTF8.GetBytes(original);

        var (octets, envelope) = await SendAsync(Report(smtpUtf8, whole, Failed("a@one.test", Umlauts)));

        Assert.Equal(eightBit ? "8BITMIME" : null, envelope.MailFrom.Body);
        Assert.Equal(!eightBit, Ascii.IsValid(octets));
        Assert.False(envelope.MailFrom.SmtpUtf8); // the sender's address is ASCII, and so is every field of ours
        Assert.All(Encoding.UTF8.GetString(octets).Split("\r\n"), line => Assert.InRange(Encoding.UTF8.GetByteCount(line), 0, 998));
        var parts = Parts(octets);
        Assert.Contains(Umlauts, Assert.IsType<TextPart>(parts[0]).Text, StringComparison.Ordinal);
        Assert.Equal(smtpUtf8 ? "message/global-delivery-status" : "message/delivery-status", parts[1].ContentType.MimeType);
        Assert.Equal(returned, parts[2].ContentType.MimeType);
    }

    [Theory]
    [InlineData("Subject: Grüße\r\n", "utf-8", "utf-8")]
    [InlineData("Subject: Gr\u00fc\u00dfe\r\n", "iso-8859-1", null)]
    public async Task Report_ReturnedHeaderThatIsNotAscii_DecodesToItsVeryOctets(string header, string written, string? charset)
    {
        _store.Blobs[Blob] = Encoding.GetEncoding(written).GetBytes(header + "\r\nBody\r\n");

        var (octets, _) = await SendAsync(Report(smtpUtf8: false, whole: false, Failed("a@one.test", "550 No")));

        var part = Assert.IsType<TextPart>(Parts(octets)[2]);
        Assert.Equal((ContentEncoding.QuotedPrintable, charset), (part.ContentTransferEncoding, part.ContentType.Charset));
        var decoded = new MemoryStream();
        await part.Content!.DecodeToAsync(decoded, TestContext.Current.CancellationToken);
        Assert.Equal(Encoding.GetEncoding(written).GetBytes(header), decoded.ToArray());
    }

    [Theory]
    [InlineData(
        false, "utf-8; \\x{30E6}\\x{30FC}\\x{30B6}\\x{2B}x@one.test", "utf-8;\\x{30E6}@one.test",
        "smtp; 550 5.1.1 Empf?nger unbekannt ? ????")]
    [InlineData(true, "utf-8; ユーザ\\x{2B}x@one.test", "utf-8;ユ@one.test", "smtp; " + Umlauts)]
    public async Task Status_OfAnInternationalizedAddress_HasTheFormThatTheSenderCanRead(
        bool smtpUtf8, string final, string orcpt, string diagnostic)
    {
        _store.Blobs[Blob] = "Subject: x\r\n\r\n"u8.ToArray();

        var (octets, _) = await SendAsync(Report(smtpUtf8, whole: false, Failed("ユーザ+x@one.test", Umlauts, "utf-8;ユ@one.test")));

        var text = Encoding.UTF8.GetString(await ContentAsync(Parts(octets)[1]));
        Assert.Contains($"\r\nFinal-Recipient: {final}\r\n", text, StringComparison.Ordinal);
        Assert.Contains($"\r\nOriginal-Recipient: {orcpt}\r\n", text, StringComparison.Ordinal);
        Assert.Contains($"\r\nDiagnostic-Code: {diagnostic}\r\n", text, StringComparison.Ordinal);
    }

    // What broke the reports of others: foxcpp/maddy#245 (a reply of two lines), OpenSMTPD/OpenSMTPD#1084 (an ORCPT that is no
    // address), yaad-index/darbaan#57 (line breaks in addresses), and xtext that decodes to line breaks.
    [Theory]
    [InlineData("550 5.2.1 Disabled. Learn more at\n5.2.1  https://support.example/ - gsmtp", "rfc822;root", "e", "Original-Recipient: rfc822;root")]
    [InlineData("550 No\r\nStatus: 2.0.0\r\n\r\nFinal-Recipient: x", "rfc822;a+0D+0AAction:+20delivered", "e+0D", "Original-Recipient: rfc822;a??Action: delivered")]
    [InlineData("550 \0\u0085\u2028 No", "rfc822;", "a\r\nAction: delivered", "Original-Recipient: rfc822;")]
    [InlineData("550 No", "x400;/C=DE/A=+20/", "\u001b[2J", "Original-Recipient: x400;/C=DE/A= /")]
    [InlineData("550 No", "no type", "e", "Status: 5.1.1")]
    public async Task Status_WhateverPeerAndSenderWrite_HasOneGroupForTheOneRecipient(
        string reply, string orcpt, string envid, string expected)
    {
        _store.Blobs[Blob] = "Subject: x\r\n\r\n"u8.ToArray();
        var report = Report(smtpUtf8: false, whole: false, Failed("a@one.test", reply, orcpt));

        var (octets, _) = await SendAsync(report with { MailFrom = report.MailFrom with { Envid = envid } });

        var text = Encoding.UTF8.GetString(await ContentAsync(Parts(octets)[1]));
        var fields = text.TrimEnd().Split("\r\n");
        Assert.Equal(1, fields.Count(f => f.Length == 0)); // between message and recipient
        Assert.All(fields.Where(f => f.Length > 0), f => Assert.Matches("^[A-Z][A-Za-z-]+: [ -~]*$", f));
        Assert.Equal(["failed"], fields.Where(f => f.StartsWith("Action: ", StringComparison.Ordinal)).Select(f => f[8..]));
        Assert.Contains(expected, fields);
    }

    [Fact]
    public async Task Report_ToAnInternationalizedSender_NeedsSmtpUtf8()
    {
        _store.Blobs[Blob] = "Subject: x\r\n\r\n"u8.ToArray();
        var report = Report(smtpUtf8: true, whole: false, Failed("a@one.test", "550 No"));

        var (octets, envelope) = await SendAsync(report with { MailFrom = report.MailFrom with { Address = "jürgen@example.test" } });

        Assert.True(envelope.MailFrom.SmtpUtf8);
        Assert.Matches("\r\nTo: <?jürgen@example.test>?\r\n", Encoding.UTF8.GetString(octets));
    }

    [Fact]
    public async Task Report_WithAnEightBitMessageForASevenBitHost_LeavesInSevenBits()
    {
        await using var mta = new ScriptedMta { Extensions = ["PIPELINING"] };
        _store.Blobs[Blob] = Encoding.UTF8.GetBytes(
            "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n");
        var (octets, envelope) = await SendAsync(Report(smtpUtf8: false, whole: true, Failed("a@one.test", Umlauts)));
        var options = Options with { Routes = [new RelayRoute("*", new RelayHost("127.0.0.1", mta.Port, RelayTls.None, null, null))] };
        var job = new OutboundJob
        {
            Id = "j",
            Domain = "example.test",
            MessageId = envelope.Id,
            Blob = envelope.Blob,
            Size = envelope.Size,
            MailFrom = envelope.MailFrom,
            ReceivedAt = envelope.ReceivedAt,
            Recipients = [new OutboundRecipient { Address = "alice@example.test" }],
            NextAttempt = envelope.ReceivedAt,
        };

        var relay = TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), _store);

        Assert.Equal(ResultKind.Relayed, Assert.Single(await relay.AttemptAsync(job, TestContext.Current.CancellationToken)).Kind);
        var received = Assert.Single(mta.Messages).Content;
        Assert.False(Ascii.IsValid(octets));
        Assert.True(Ascii.IsValid(received));
        var parts = Parts(received);
        Assert.Contains(Umlauts, Assert.IsType<TextPart>(parts[0]).Text, StringComparison.Ordinal);
        Assert.Equal("Grüße", Assert.IsType<TextPart>(Assert.IsType<MessagePart>(parts[2]).Message!.Body).Text.Trim());
    }

    [Fact]
    public async Task Report_LongHeaderSection_IsCutAtALine()
    {
        var fields = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"X-Field-{i}: value\r\n"));
        _store.Blobs[Blob] = Encoding.ASCII.GetBytes(fields + "\r\nBody\r\n");

        var (octets, _) = await SendAsync(Report(smtpUtf8: false, whole: false, Failed("a@one.test", "550 No")));

        var returned = await ContentAsync(Parts(octets)[2]);
        Assert.InRange(returned.Length, ReturnedContent.MaxHeaderOctets * 9 / 10, ReturnedContent.MaxHeaderOctets);
        Assert.EndsWith(": value", Encoding.ASCII.GetString(returned).TrimEnd(), StringComparison.Ordinal);
    }

    private async Task<(byte[] Octets, InboundEnvelope Envelope)> SendAsync(Report report)
    {
        await TestedReports.Sender(_store, _bus, Options).SendAsync(report, TestContext.Current.CancellationToken);
        var envelope = Assert.Single(_bus.Inbound);
        return (_store.Blobs[envelope.Blob], envelope);
    }

    private static List<MimeEntity> Parts(byte[] octets) =>
        [.. Assert.IsType<MultipartReport>(MimeMessage.Load(new MemoryStream(octets)).Body)];

    private static async Task<byte[]> ContentAsync(MimeEntity entity)
    {
        var part = new MemoryStream();
        await entity.WriteToAsync(part, contentOnly: true);
        if (entity is MimePart { Content: { } content })
        {
            part = new MemoryStream();
            await content.DecodeToAsync(part);
        }

        return part.ToArray();
    }

    private static ReportedRecipient Failed(string address, string reply, string? orcpt = null) =>
        new(address, orcpt, DsnAction.Failed, "5.1.1", reply, "mx.one.test", At);

    private static readonly DateTimeOffset At = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    private static Report Report(bool smtpUtf8, bool whole, ReportedRecipient recipient) => new()
    {
        Key = "k",
        MailFrom = new ReversePath { Address = "alice@example.test", SmtpUtf8 = smtpUtf8, Ret = whole ? "FULL" : null },
        Blob = Blob,
        Size = 100,
        ReceivedAt = At,
        IsOurs = true,
        Recipients = [recipient],
    };
}
