using System.Text;
using MailFunctions.Functions.Inbound;
using Xunit;

namespace MailFunctions.Functions.Tests.Inbound;

public sealed class SummaryReaderTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_EncodedFields_AreDecoded()
    {
        var summary = await ReadAsync(
            """
            Received: by here
            From: =?utf-8?B?SsO8cmdlbg==?= <j@elsewhere.test>, "B, b" <b@elsewhere.test>
            To: undisclosed-recipients:;
            Subject: =?iso-8859-1?Q?Gr=FC=DFe?=
             folded
            Date: Mon, 23 Nov 2026 10:00:00 +0100
            Message-ID: <id.1@elsewhere.test>

            Body
            """);

        Assert.Equal("Grüße folded", summary.Subject);
        Assert.Equal("\"Jürgen\" <j@elsewhere.test>, \"B, b\" <b@elsewhere.test>", summary.From);
        Assert.Equal(new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.FromHours(1)), summary.Date);
        Assert.Equal("id.1@elsewhere.test", summary.MessageId);
        Assert.Null(summary.Fault);
    }

    [Fact]
    public async Task Read_RawUtf8Fields_AreUnderstood() =>
        Assert.Equal("Grüße – 日本語", (await ReadAsync("Subject: Grüße – 日本語\n\nx\n")).Subject);

    [Fact]
    public async Task Read_Attachments_GivesTheirDecodedNames()
    {
        var summary = await ReadAsync(
            """
            Subject: x
            Content-Type: multipart/mixed; boundary=b

            --b
            Content-Type: text/plain

            Subject: this is text
            --b
            Content-Type: application/pdf; name="old.pdf"
            Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht.pdf

            --b
            Content-Type: image/png; name="=?utf-8?Q?Bild=20=C3=A4?="

            --b
            Content-Type: message/rfc822
            Content-Disposition: attachment; filename="forwarded.eml"

            Subject: inner
            Content-Type: application/zip; name="inner.zip"

            zip
            --b--
            """);

        Assert.Equal(["Übersicht.pdf", "Bild ä", "forwarded.eml", "inner.zip"], summary.Attachments);
        Assert.Equal("x", summary.Subject);
    }

    [Theory]
    [InlineData("", 0, false)]
    [InlineData("x", 1, true)]
    [InlineData("x\r\n", 3, false)]
    [InlineData("Subject: x\r\n\r\nbody", 18, true)]
    [InlineData("Subject: x\r\n\r\nbody\r", 19, true)]
    [InlineData("\r\n\r\n", 4, false)]
    public async Task Read_AnyContent_CountsItAndKnowsHowItEnds(string content, long octets, bool lacks)
    {
        var summary = await SummaryReader.ReadAsync(new OneOctetStream(Encoding.ASCII.GetBytes(content)), Token);

        Assert.Equal(octets, summary.Octets);
        Assert.Equal(lacks, summary.LacksFinalLineBreak);
    }

    [Fact]
    public async Task Read_HeaderWithoutEnd_IsGivenUpAndTheMessageReadToItsEnd()
    {
        var content = Encoding.ASCII.GetBytes(
            "Subject: kept\r\nX-Long: " + new string('x', 3 * SummaryReader.MaxHeaderOctets) + "\r\n\r\nbody\r\n");

        var summary = await SummaryReader.ReadAsync(new MemoryStream(content), Token);

        Assert.Equal(content.Length, summary.Octets);
        Assert.Equal("kept", summary.Subject);
        Assert.Contains("octets", summary.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_LongSubject_IsCutAndHasNoControlCharacters()
    {
        var subject = (await ReadAsync("Subject: =?utf-8?Q?a=07b?=" + new string('x', 5000) + "\n\nbody\n")).Subject;

        Assert.Equal(SummaryReader.MaxText, subject!.Length);
        Assert.DoesNotContain(subject, c => char.IsControl(c));
    }

    [Fact]
    public async Task Read_RandomOctets_NeverFails()
    {
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var content = new byte[random.Next(4000)];
            random.NextBytes(content);
            if (i % 2 == 0)
            {
                var start = "Content-Type: multipart/mixed; boundary=\"\r\n\r\n--"u8;
                start[..Math.Min(start.Length, content.Length)].CopyTo(content);
            }

            Assert.Equal(content.Length, (await SummaryReader.ReadAsync(new MemoryStream(content), Token)).Octets);
        }
    }

    private static Task<MessageSummary> ReadAsync(string text) =>
        SummaryReader.ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n"))), Token);

    /// <summary>Gives one octet a read, as a slow store might.</summary>
    private sealed class OneOctetStream(byte[] content) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer.Length > 1 ? buffer[..1] : buffer, cancellationToken);
    }
}
