using System.Globalization;
using System.Text.Json.Nodes;
using MailFunctions.Local.Admin.Views;
using Xunit;

namespace MailFunctions.Local.Tests.Admin;

/// <summary>Answers as people see them.</summary>
public sealed class AdminViewTests
{
    private const string Long =
        "451 4.7.1 Your host has been seen to send more than this server takes in an hour; come again after "
        + "2026-11-28 or ask the postmaster";

    [Fact]
    public void Traces_AreMessageByMessageWithALineForEachAddressAndTheDetailWhole()
    {
        var text = TracesView.Write(JsonNode.Parse(
            $$"""
            {"items": [
              {"messageId": "m1", "at": "2026-11-28T12:00:00Z", "kind": "accepted", "addresses": ["alice@example.test"], "detail": "from \u001b[31m here", "internetMessageId": "x@y"},
              {"messageId": "m2", "at": "2026-11-28T12:00:01Z", "kind": "accepted", "addresses": []},
              {"messageId": "m1", "at": "2026-11-28T12:00:02Z", "kind": "deferred", "addresses": ["b@x.test", "c@x.test"], "detail": "{{Long}}"}
            ], "continuation": null}
            """));

        Assert.Equal(
            $"""
            m1  <x@y>
                {Local(0)}  accepted  alice@example.test  from  [31m here
                {Local(2)}  deferred  b@x.test  {Long}
                {Local(2)}  deferred  c@x.test  {Long}
            m2
                {Local(1)}  accepted

            """.ReplaceLineEndings("\n"),
            text);
    }

    [Fact]
    public void Jobs_HaveALineForEachRecipientWithItsReplyWhole()
    {
        var text = JobsView.Write(JsonNode.Parse(
            $$"""
            {"items": [{"id": "j1", "domain": "x.test", "messageId": "m1", "state": "queued", "sender": "alice@example.test", "attempts": 3, "receivedAt": "2026-11-28T12:00:00Z",
              "nextAttempt": "2026-11-28T12:00:02Z", "lastReply": "{{Long}}", "underWay": false, "size": 1234567,
              "recipients": [{"address": "b@x.test"}, {"address": "c@x.test", "lastReply": "450 4.2.1 busy"}]}], "continuation": "abc"}
            """));

        Assert.Equal(
            $"""
            j1  x.test  queued, 3 attempts, next {Local(2)}
                message m1 from <alice@example.test>, 1.2 MB, received {Local(0)}
                <b@x.test>  {Long}
                <c@x.test>  450 4.2.1 busy
            There is more: --continuation abc

            """.ReplaceLineEndings("\n"),
            text);
    }

    [Fact]
    public void DeadLetters_ShowTheirReasonWhole()
    {
        var text = DeadLettersView.Write(JsonNode.Parse(
            $$"""{"items": [{"sequence": 42, "reason": "DeliveryFailed", "deliveryCount": 10, "enqueuedAt": "2026-11-28T12:00:00Z", "description": "{{Long}}", "messageId": "m1", "mailFrom": "", "recipients": ["b@x.test"]}], "continuation": null}"""));

        Assert.Equal(
            $"42  DeliveryFailed, 10 deliveries, enqueued {Local(0)}\n    {Long}\n    message m1 from <> to <b@x.test>\n", text);
    }

    [Fact]
    public void Accounts_ShowHowFullTheyAre()
    {
        var text = AccountsView.Write(JsonNode.Parse(
            """
            {"items": [
              {"address": "alice@example.test", "displayName": "Alice", "enabled": true, "quotaBytes": 1000000000, "forwardTo": ["a@x.test"], "mailbox": {"messages": 12, "bytes": 250000000}},
              {"address": "bob@example.test", "enabled": false, "forwardTo": [], "mailbox": {"messages": 0, "bytes": 0}}
            ], "continuation": null}
            """));

        Assert.Equal(
            """
            address             name   enabled  messages  used    quota  full  forwards to
            alice@example.test  Alice  yes            12  250 MB  1 GB   25 %  a@x.test
            bob@example.test           no              0  0 B     none

            """.ReplaceLineEndings("\n"),
            text);
    }

    [Fact]
    public void Stats_HaveTotalsAndRates()
    {
        var text = StatsView.Write(JsonNode.Parse(
            """
            {"from": "2026-11-28T10:00:00Z", "to": "2026-11-28T12:00:00Z", "items": [
              {"start": "2026-11-28T10:00:00Z", "instances": 1, "counters": {"mail.smtp.messages.accepted": 3, "mail.events{kind=delivered}": 2, "mail.smtp.commands.refused{code=550}": 1}},
              {"start": "2026-11-28T11:00:00Z", "instances": 2, "counters": {"mail.smtp.messages.accepted": 4, "mail.smtp.commands.refused{code=451}": 2}}
            ], "queues": [{"name": "mail-inbound", "active": 5, "scheduled": 0, "deadLettered": 1, "oldestAgeSeconds": 75.4}]}
            """));

        var lines = text.Split('\n');
        Assert.Matches(@"^beginning +accepted +delivered +relayed +deferred +bounced +refused +logins$", lines[0]);
        Assert.Matches(@"^total +7 +2 +0 +0 +0 +3 +0$", lines[3]);
        Assert.Matches(@"^an hour +3\.5 +1\.0 +0\.0 +0\.0 +0\.0 +1\.5 +0\.0$", lines[4]);
        Assert.Contains(lines, l => l.StartsWith("mail.smtp.messages.accepted", StringComparison.Ordinal)
            && l.EndsWith("7      3.5", StringComparison.Ordinal));
        Assert.Contains(
            lines, l => l.StartsWith("mail-inbound", StringComparison.Ordinal) && l.EndsWith("00:01:15", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1500, "1.5 kB")]
    [InlineData(1_000_000_000, "1 GB")]
    public void Octets_HaveTheirUnit(long octets, string expected) => Assert.Equal(expected, AdminText.Octets(octets));

    private static string Local(int seconds) =>
        new DateTimeOffset(2026, 11, 28, 12, 0, seconds, TimeSpan.Zero)
            .ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
