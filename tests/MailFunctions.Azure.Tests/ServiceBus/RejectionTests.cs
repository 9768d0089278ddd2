using MailFunctions.Azure.ServiceBus;
using Xunit;

namespace MailFunctions.Azure.Tests.ServiceBus;

/// <summary>Which rejections are worth another try.</summary>
public sealed class RejectionTests
{
    [Theory]
    [InlineData("amqp:connection:forced", true)] // made up by the library when the connection is lost
    [InlineData("amqp:session:errant-link", true)]
    [InlineData("amqp:link:detach-forced", true)]
    [InlineData("com.microsoft:server-busy", true)]
    [InlineData(null, true)]
    [InlineData("amqp:link:message-size-exceeded", false)]
    [InlineData("amqp:not-allowed", false)]
    [InlineData("amqp:unauthorized-access", false)]
    public void IsPassing_TellsTheWayFromTheMessage(string? condition, bool passing) =>
        Assert.Equal(passing, QueueSender.IsPassing(condition));
}
