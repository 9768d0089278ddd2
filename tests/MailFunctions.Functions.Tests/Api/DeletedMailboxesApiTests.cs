using System.Net;
using System.Text;
using System.Text.Json;
using MailFunctions.Core.Housekeeping;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>The mail of a deleted account: out of sight of the next account of its address, and there for the postmaster.</summary>
public sealed class DeletedMailboxesApiTests(TestedApi api)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mail_OfADeletedAccount_ComesIntoTheNewOneOnceInItsOrder()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        foreach (var i in (int[])[1, 2, 3])
        {
            await api.DeliverAsync(
                mailbox, Encoding.ASCII.GetBytes($"Subject: m{i}\r\n\r\n{i}\r\n"), "Delivered-To: x@example.test\r\n", $"m{i}");
        }

        await api.DeleteMessagesAsync(address, mailbox, 2); // deleted by its owner: that is not asked for
        await api.SendAsync(HttpMethod.Delete, $"accounts/{address}");
        Assert.Equal(HttpStatusCode.NotFound, (await RestoreAsync(address, mailbox)).Status); // there is no account to put it into
        await api.PutAsync($"accounts/{address}", new { password = TestedApi.Password });
        Assert.Empty(await SubjectsAsync(address));

        var kept = Assert.Single(await ListAsync(address));
        Assert.Equal((mailbox, 2), (kept.GetProperty("id").GetString(), kept.GetProperty("messages").GetInt32()));
        Assert.Equal(
            TimeSpan.FromDays(14), kept.GetProperty("keptUntil").GetDateTimeOffset() - kept.GetProperty("deletedAt").GetDateTimeOffset());
        var (status, first) = await RestoreAsync(address, mailbox);
        var (_, again) = await RestoreAsync(address, mailbox);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal((2, 0, JsonValueKind.Null), Counts(first));
        Assert.Equal((0, 2, JsonValueKind.Null), Counts(again));
        Assert.Equal(["m3", "m1"], await SubjectsAsync(address));
        var raw = await api.Http.GetStringAsync($"accounts/{address}/messages/1", Token);
        Assert.Equal("Delivered-To: x@example.test\r\nSubject: m1\r\n\r\n1\r\n", raw);

        foreach (var task in api.Services.GetServices<IHousekeepingTask>())
        {
            await task.RunAsync(Token);
        }

        Assert.Single(await ListAsync(address)); // kept for another retention
    }

    [Fact]
    public async Task Mail_OfADeletedAccount_CanGoToAnother_FromWhereItWasCutOff()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        var (other, otherMailbox) = await api.CreateAccountAsync();
        await api.DeliverAsync(mailbox, "Subject: a\r\n\r\n"u8.ToArray(), subject: "a");
        await api.DeliverAsync(mailbox, "Subject: b\r\n\r\n"u8.ToArray(), subject: "b");
        await api.SendAsync(HttpMethod.Delete, $"accounts/{address}");

        var (_, first) = await RestoreAsync(address, mailbox, $"?into={other}&top=1");
        await api.DeleteMessagesAsync(other, otherMailbox, 1);
        var (_, done) = await RestoreAsync(address, mailbox, $"?into={other}&continuation={first.GetProperty("continuation")}");

        Assert.Equal((1, 0, JsonValueKind.String), Counts(first));
        Assert.Equal((1, 0, JsonValueKind.Null), Counts(done));
        Assert.Equal(["b"], await SubjectsAsync(other));
        Assert.Equal(HttpStatusCode.NotFound, (await RestoreAsync(address, otherMailbox, $"?into={other}")).Status); // its account is there
        Assert.Equal(HttpStatusCode.NotFound, (await RestoreAsync(other, mailbox)).Status); // it was another address's
        Assert.Equal(HttpStatusCode.BadRequest, (await RestoreAsync(address, mailbox, $"?into={other}&continuation=x")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await RestoreAsync(address, mailbox, "?into=nobody")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync("accounts/nobody/deleted-mailboxes")).Status);
    }

    private static (int Restored, int Before, JsonValueKind Continuation) Counts(JsonElement answer) =>
        (answer.GetProperty("restored").GetInt32(), answer.GetProperty("alreadyThere").GetInt32(),
            answer.GetProperty("continuation").ValueKind);

    private Task<(HttpStatusCode Status, JsonElement Body)> RestoreAsync(string address, string mailbox, string query = "") =>
        api.SendAsync(HttpMethod.Post, $"accounts/{address}/deleted-mailboxes/{mailbox}/restore{query}");

    private async Task<List<JsonElement>> ListAsync(string address) =>
        [.. (await api.GetAsync($"accounts/{address}/deleted-mailboxes")).Body.GetProperty("items").EnumerateArray()];

    private async Task<List<string?>> SubjectsAsync(string address) =>
        [.. (await api.GetAsync($"accounts/{address}/messages"))
            .Body.GetProperty("items").EnumerateArray().Select(m => m.GetProperty("subject").GetString())];
}
