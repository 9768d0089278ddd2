using MailFunctions.Azure.Maildrops;
using MailFunctions.Core.Mailboxes;
using Xunit;

namespace MailFunctions.Azure.Tests.Maildrops;

/// <summary>When the rows of the next messages come by one query: storage's rule, by what the protocol says of them.</summary>
public sealed class NearTests
{
    [Theory]
    [InlineData(5, 3, new uint[] { 6, 7, 8 }, true)]
    [InlineData(5, 3, new uint[] { 4, 3, 2 }, true)]
    [InlineData(5, 2, new uint[] { 900, 70_000 }, true)] // neighbours in a mailbox with gaps
    [InlineData(5, 99, new uint[] { 6, 104 }, true)]
    [InlineData(5, 100, new uint[] { 6, 105 }, false)] // the first query does not reach it
    [InlineData(5, 3, new uint[] { 2, 4 }, false)] // back and forth
    [InlineData(5, 3, new uint[] { 6, 4 }, false)]
    [InlineData(5, 0, new uint[] { 5 }, false)]
    [InlineData(5, 0, new uint[0], false)]
    public void AreNear_OneDirectionAndInReach_IsTrue(uint uid, int reach, uint[] uids, bool expected) =>
        Assert.Equal(expected, MessageRows.AreNear(uid, new LikelyNext(uids, reach)));
}
