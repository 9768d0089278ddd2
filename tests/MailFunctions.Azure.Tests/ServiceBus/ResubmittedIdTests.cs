using MailFunctions.Azure.ServiceBus;
using Xunit;

namespace MailFunctions.Azure.Tests.ServiceBus;

public sealed class ResubmittedIdTests
{
    [Theory]
    [InlineData("0199-ab", "0199-ab-again-7")]
    [InlineData("0199-ab-again-7", "0199-ab-again-7")]
    [InlineData("0199-ab-again-3-again-5", "0199-ab-again-7")]
    public void Of_NamesTheFirstIdAndThisTime(string id, string expected)
    {
        Assert.Equal(expected, ResubmittedId.Of(id, 7));
        Assert.Equal("0199-ab", ResubmittedId.Original(expected));
    }

    [Fact]
    public void Of_ALongId_IsWhatTheBusTakes() =>
        Assert.Equal(new string('m', 120) + "-again-1", ResubmittedId.Of(new string('m', 128), 1));
}
