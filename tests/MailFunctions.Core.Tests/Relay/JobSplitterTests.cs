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
        var jobs = Split(Envelope(listener, account), "a@one.test", "b@two.test");

        Assert.Equal(2, jobs.Count);
        Assert.All(jobs, j => Assert.Equal(expected, j.IsOurs));
    }

    /// <summary>RFC 4865: a message that was held for a week has its five days of retries after that.</summary>
    [Fact]
    public void Split_AMessageThatWasHeld_CountsRetriesFromItsRelease()
    {
        var release = Now + TimeSpan.FromDays(7);

        Assert.Equal(
            release,
            Assert.Single(Split(Envelope(ListenerKind.Submission, "alice@example.test") with { HoldUntil = release }, "a@one.test"))
                .ReceivedAt);
    }

    private static DateTimeOffset Now => DateTimeOffset.UnixEpoch;

    private static List<OutboundJob> Split(InboundEnvelope envelope, params string[] recipients) =>
        [.. JobSplitter.Split(
            envelope, envelope.MailFrom, null, recipients.Select(a => (EmailAddress.Parse(a)!, new OutboundRecipient { Address = a })),
            Now)];

    private static InboundEnvelope Envelope(string listener, string? account) => new()
    {
        Id = "m",
        ReceivedAt = Now,
        Listener = listener,
        Client = new ClientInfo("127.0.0.1", null, null, account),
        MailFrom = new ReversePath { Address = "alice@example.test" },
        Recipients = [],
        Size = 1,
        Blob = "m.eml",
    };
}
