using System.Buffers;
using System.Net;
using System.Text;
using CsCheck;
using MailFunctions.Protocols.Pop3;
using MailFunctions.Protocols.Smtp;
using MailFunctions.Protocols.Transport;
using Xunit;

namespace MailFunctions.Protocols.Tests.Properties;

/// <summary>What holds for the small readers and writers on any input, cut in any way.</summary>
public sealed class CodecProperties
{
    /// <summary>Octets that matter to line ends and dots, much more often than chance would have it.</summary>
    private static readonly Gen<byte[]> LineOctets = Gen.OneOf((byte)'\r', (byte)'\n', (byte)'.', (byte)'a', (byte)0).Array[0, 60];

    /// <summary>Whole lines, as a message has them.</summary>
    private static readonly Gen<byte[]> Message = Gen.OneOf("", ".", "..", ".a", "a", "a.", ". ", "\0.").Array[0, 12]
        .Select(lines => Encoding.ASCII.GetBytes(string.Concat(lines.Select(l => l + "\r\n"))));

    private static readonly Gen<int> Cut = Gen.Int[1, 7];

    [Fact]
    public void DotDecoder_AfterDotStuffer_GivesTheMessageBack() => Gen.Select(Message, Cut, Cut).Sample((message, cutOut, cutIn) =>
    {
        var wire = new ArrayBufferWriter<byte>();
        var stuffer = new DotStuffer(DotStuffer.AllLines);
        foreach (var piece in message.Chunk(cutOut))
        {
            stuffer.Write(piece, wire);
        }

        var (content, consumed, bare) = Decode([.. wire.WrittenSpan, .. ".\r\nQUIT\r\n"u8], cutIn);
        Assert.Equal(message, content);
        Assert.Equal(wire.WrittenCount + 3, consumed);
        Assert.False(bare);
    });

    [Fact]
    public void DotDecoder_AnyOctets_EndAtTheFirstCrlfDotCrlf() => Gen.Select(LineOctets, Cut).Sample((octets, cut) =>
    {
        byte[] input = [.. octets, .. "\r\n.\r\nNOOP\r\n"u8];
        var at = input.AsSpan().StartsWith(".\r\n"u8) ? 3 : input.AsSpan().IndexOf("\r\n.\r\n"u8) + 5;
        var (content, consumed, bare) = Decode(input, cut);

        Assert.Equal(at, consumed);
        Assert.Equal(HasBareBreak(input.AsSpan(0, at)), bare);
        if (!bare)
        {
            Assert.Equal(Unstuffed(input.AsSpan(0, at)), content);
        }
    });

    [Fact]
    public void HeaderSection_AnyOctets_EndIsTheSameHoweverItIsSearched() => Gen.Select(LineOctets, Cut).Sample((octets, cut) =>
    {
        var whole = HeaderSection.FindEnd(octets, 0);
        var found = -1;
        for (var seen = 0; seen < octets.Length && found < 0; seen += cut)
        {
            found = HeaderSection.FindEnd(octets.AsSpan(0, Math.Min(octets.Length, seen + cut)), seen);
        }

        Assert.Equal(whole, found);
        HeaderSection.Parse(octets);
    });

    [Fact]
    public void PathArgument_AnyText_IsReadOrRefused() =>
        Gen.OneOf(
            "<", ">", "@", "\"", "\\", "a", "example.test", ":", ",", " ", "SIZE=1", "=", ".", "[", "]", "IPv6:::1", "ü", "\uFFFD", "\0")
            .Array[0, 14].Sample(parts =>
        {
            var text = string.Concat(parts);
            var path = PathArgument.Parse(text);
            if (path?.Address is { } address)
            {
                // What was taken is written so that it is taken again, as the same address.
                Assert.Equal(address, PathArgument.Parse($"<{address}>")?.Address);
                Assert.DoesNotContain(address.ToString(), c => c is '\r' or '\n' or '\0');
            }

            _ = MailboxList.Parse(text);
            _ = Xtext.Decode(text);
        });

    [Fact]
    public void ProxyHeader_AnyAddressesCutAnywhere_AreReadBack() =>
        Gen.Select(Gen.Byte.Array[16], Gen.Byte.Array[16], Gen.UShort, Gen.Bool, Gen.Byte.Array[0, 300])
            .Sample((source, destination, port, six, values) =>
        {
            var size = six ? 16 : 4;
            var length = (2 * size) + 4 + values.Length;
            byte[] header =
            [
                .. "\r\n\r\n\0\r\nQUIT\n"u8, 0x21, (byte)(six ? 0x21 : 0x11), (byte)(length >> 8), (byte)length,
                .. source[..size], .. destination[..size], (byte)(port >> 8), (byte)port, 0, 25, .. values,
            ];
            for (var at = 0; at < header.Length; at++)
            {
                Assert.Equal(ProxyHeaderStatus.Incomplete, ProxyHeader.TryRead(new ReadOnlySequence<byte>(header, 0, at), out _, out _));
            }

            byte[] more = [.. header, .. "EHLO x\r\n"u8];
            var input = new ReadOnlySequence<byte>(more);
            Assert.Equal(ProxyHeaderStatus.Complete, ProxyHeader.TryRead(input, out var read, out var next));
            Assert.Equal(new IPEndPoint(new IPAddress(source[..size]), port), read!.Source);
            Assert.Equal("EHLO x\r\n", Encoding.ASCII.GetString(input.Slice(next)));
        }, iter: 200);

    [Fact]
    public void ProxyHeader_AnyOctets_AreReadOrRefusedWithinItsBound() =>
        Gen.Select(
            Gen.OneOf("", "PROXY ", "PROXY TCP4 ", "PROXY TCP6 1::1 ", "\r\n\r\n\0\r\nQUIT\n", "\r\n\r\n\0\r\nQUIT\n!"),
            Gen.Byte.Array[0, 200])
            .Sample((start, rest) =>
        {
            byte[] octets = [.. Encoding.Latin1.GetBytes(start), .. rest];
            ProxyHeader.TryRead(new ReadOnlySequence<byte>(octets), out _, out _);
            byte[] full = [.. octets, .. new byte[ProxyHeader.MaxOctets]];
            Assert.NotEqual(ProxyHeaderStatus.Incomplete, ProxyHeader.TryRead(new ReadOnlySequence<byte>(full), out _, out _));
        });

    private static (byte[] Content, int Consumed, bool Bare) Decode(byte[] input, int cut)
    {
        var decoder = new DotDecoder();
        var content = new List<byte>();
        var (at, available) = (0, 0);
        while (true)
        {
            if (at == available)
            {
                Assert.True(available < input.Length, "the end of the data was not found");
                available = Math.Min(input.Length, available + cut);
            }

            var ended = decoder.Read(input.AsSpan(at..available), out var consumed, out var start, out var length);
            content.AddRange(input.AsSpan(at + start, length));
            at += consumed;
            if (ended)
            {
                return ([.. content], at, decoder.HasBareLineBreak);
            }
        }
    }

    private static bool HasBareBreak(ReadOnlySpan<byte> octets)
    {
        for (var i = 0; i < octets.Length; i++)
        {
            if ((octets[i] == '\n' && (i == 0 || octets[i - 1] != '\r'))
                || (octets[i] == '\r' && (i + 1 == octets.Length || octets[i + 1] != '\n')))
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Unstuffed(ReadOnlySpan<byte> data)
    {
        var text = "\r\n" + Encoding.Latin1.GetString(data[..^3]);
        return Encoding.Latin1.GetBytes(text.Replace("\r\n.", "\r\n", StringComparison.Ordinal)[2..]);
    }
}
