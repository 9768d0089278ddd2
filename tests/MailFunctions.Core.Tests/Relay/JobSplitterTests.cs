using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using Xunit;

namespace MailFunctions.Core.Tests.Relay;

/// <summary>What the jobs of a message say of its origin.</summary>
public sealed class JobSplitterTests
{
    [Theory]
    [InlineData(ListenerKind.Submission, "alice@example.test", true)]
    [InlineData(ListenerKind.Internal, null, true)]
    [InlineData(ListenerKind.Submission, null, false)]
    [InlineData(ListenerKind.Mx, null, false)]
    [InlineData(ListenerKind.Mx, "alice@example.test", false)]
    public void Split_AMessage_IsOursWhenSomebodyLoggedInOrWeWroteIt(string listener, string? account, bool expected)
    {
        var now = DateTimeOffset.UnixEpoch;
        var sender = new ReversePath { Address = "alice@example.test" };
        var envelope = new InboundEnvelope
        {
            Id = "m",
            ReceivedAt = now,
            Listener = listener,
            Client = new ClientInfo("127.0.0.1", null, null, account),
            MailFrom = sender,
            Recipients = [],
            Size = 1,
            Blob = "m.eml",
        };

        var jobs = JobSplitter.Split(
            envelope, sender, null, ((string[])["a@one.test", "b@two.test"]).Select(a => (EmailAddress.Parse(a)!, new OutboundRecipient { Address = a })), now).ToList();

        Assert.Equal(2, jobs.Count);
        Assert.All(jobs, j => Assert.Equal(expected, j.IsOurs));
    }
}
