using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Tests.Api;
using Xunit;

namespace MailFunctions.Functions.Tests.Dkim;

/// <summary>The body's hash, however the octets come in.</summary>
[Collection(CountedAlone.Name)]
public sealed class RelaxedBodyTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("\r\n", "")]
    [InlineData(" \r\n\t\r\n", "")]
    [InlineData("x", "x\r\n")]
    [InlineData("x  ", "x\r\n")]
    [InlineData(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n")] // RFC 6376 §3.4.5
    [InlineData("a\rb\nc\r\r\nd", "a\rb\nc\r\r\nd\r\n")] // alone they are no line breaks
    [InlineData("x \r", "x \r\r\n")]
    public void Finish_OfABody_IsTheHashOfItsRelaxedForm(string body, string relaxed) =>
        Assert.Equal(
            Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(relaxed))),
            Convert.ToHexString(Hash(Encoding.UTF8.GetBytes(body), 1000)));

    [Fact]
    public void Append_AnyContentInAnyPieces_GivesTheHashOfAPlainRewriting()
    {
        var random = new Random(5);
        for (var i = 0; i < 2000; i++)
        {
            var body =
                string.Concat(Enumerable.Range(0, random.Next(60))
                    .Select(_ => random.Next(6) switch { 0 => " ", 1 => "\t", 2 or 3 => "\r\n", 4 => "x", _ => "long words" }));
            var octets = Encoding.ASCII.GetBytes(body);

            Assert.Equal(SHA256.HashData(Encoding.ASCII.GetBytes(Rewritten(body))), Hash(octets, random.Next(1, 20)));
        }
    }

    [Fact]
    public async Task Read_TwentyMebibytes_TakesLittleMemoryAndLargeOnesTakeNoMore()
    {
        await AllocatedAsync(1); // what is made once
        var small = await AllocatedAsync(1);
        var large = await AllocatedAsync(20);

        Assert.InRange(large, 0, 2 * 1024 * 1024);
        Assert.InRange(large, 0, small + (128 * 1024));
    }

    private static async Task<long> AllocatedAsync(int mebibytes)
    {
        var message = new Endless(mebibytes * 1024L * 1024);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var digest = await MessageDigest.ReadAsync(message, CancellationToken.None);
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.Null(digest!.Whole);
        Assert.Equal(mebibytes * 1024L * 1024, message.Given);
        return allocated;
    }

    private static string Rewritten(string body)
    {
        var lines = body.Split("\r\n").Select(l => Regex.Replace(l, "[ \t]+", " ").TrimEnd(' ')).ToList();
        var text = Regex.Replace(string.Join("\r\n", lines), "(\r\n)+$", "");
        return text.Length == 0 ? "" : text + "\r\n";
    }

    private static byte[] Hash(byte[] octets, int piece)
    {
        using var body = new RelaxedBody();
        foreach (var chunk in octets.Chunk(piece))
        {
            body.Append(chunk);
        }

        return body.Finish();
    }

    /// <summary>A header and then lines, made as they are read.</summary>
    private sealed class Endless(long length) : ForwardStream
    {
        private static readonly byte[] Lines = Encoding.ASCII.GetBytes(
            "From: a@example.test\r\n\r\n" + string.Concat(Enumerable.Repeat("a line of  some words  \r\n", 400)));

        public long Given { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = (int)Math.Min(Math.Min(buffer.Length, Lines.Length), length - Given);
            Lines.AsSpan(0, count).CopyTo(buffer.Span);
            Given += count;
            return ValueTask.FromResult(count);
        }

        public override int Read(Span<byte> buffer) => throw new NotSupportedException();
    }
}
