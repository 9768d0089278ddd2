using MailFunctions.Azure.Messages;
using MailFunctions.Core.Messages;
using Xunit;

namespace MailFunctions.Azure.Tests.Blobs;

public sealed class SegmentBufferTests
{
    private const int Budget = 1024 * 1024;

    /// <summary>Thousands of messages of a few octets cost a few KiB each, and what is in them is what was put in.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(2 * 1024, 2)]
    [InlineData((2 * 1024) + 1, 4)]
    [InlineData(4 * 1024, 4)]
    [InlineData(8193, 16)]
    [InlineData(32 * 1024, 32)]
    [InlineData((32 * 1024) + 1, 48)]
    [InlineData(80 * 1024, 80)]
    [InlineData(100_000, 112)]
    public void Append_OfAnySize_CostsAboutWhatItHolds(int size, int cost)
    {
        var budget = new ByteBudget(Budget);
        var octets = new byte[size];
        new Random(size).NextBytes(octets);
        using (var buffer = new SegmentBuffer(budget))
        {
            for (var rest = octets.AsSpan(); !rest.IsEmpty;)
            {
                var taken = buffer.Append(rest[..Math.Min(rest.Length, 1000)]);
                rest = rest[taken..];
                Assert.True(rest.IsEmpty || taken > 0 || buffer.TryGrow());
            }

            Assert.Equal(size, buffer.Length);
            Assert.Equal(cost * 1024, Budget - budget.Free);
            Assert.Equal(cost * 1024, SegmentBuffer.CostOf(size));
            Assert.Equal(octets, Pieces(buffer));
            var read = new byte[size];
            buffer.AsStream().ReadExactly(read);
            Assert.Equal(octets, read);
        }

        Assert.Equal(Budget, budget.Free);
    }

    [Fact]
    public void Reserve_WhatItCosts_TakesNoMoreOfTheBudget()
    {
        var budget = new ByteBudget(SegmentBuffer.CostOf(50_000));
        Assert.True(budget.TryTake(SegmentBuffer.CostOf(50_000)));
        using (var buffer = new SegmentBuffer(budget))
        {
            buffer.Reserve(SegmentBuffer.CostOf(50_000));
            for (var rest = new byte[50_000].AsSpan(); !rest.IsEmpty; rest = rest[buffer.Append(rest)..])
            {
                Assert.True(buffer.TryGrow());
            }

            Assert.Equal(0, budget.Free);
        }

        Assert.Equal(SegmentBuffer.CostOf(50_000), budget.Free);
    }

    private static byte[] Pieces(SegmentBuffer buffer)
    {
        var all = new MemoryStream();
        while (buffer.PieceAt(all.Length) is { IsEmpty: false } piece)
        {
            all.Write(piece.Span);
        }

        return all.ToArray();
    }
}
