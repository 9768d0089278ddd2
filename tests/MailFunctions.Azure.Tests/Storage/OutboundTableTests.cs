using MailFunctions.Azure.Tables;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using Xunit;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>The table `outbound` on Azurite.</summary>
public sealed class OutboundTableTests(AzuriteFixture azurite)
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    private readonly TestStorage _storage = new(azurite.ConnectionString);
    private readonly string _domain = $"d{Guid.NewGuid():N}.test";

    [Fact]
    public async Task Put_New_ReadsBackWholeAndKeepsTheBlob()
    {
        var jobs = new OutboundTable(_storage.Tables);
        var job = Job() with
        {
            Results = [new RecipientResult(new OutboundRecipient { Address = "b@x.test" }, ResultKind.Failed, "5.1.1", "550 No", "mx.test", Now.AddTicks(7), true)],
            LeasedUntil = Now.AddMinutes(4),
            WarnedAt = Now.AddHours(4),
            LastReply = "451 Later",
            IsOurs = true,
            DeliveredTo = "team@example.test",
        };

        var put = await jobs.PutAsync(job, Token);

        var read = await jobs.FindAsync(_domain, job.Id, Token);
        Assert.Equivalent(put, read, strict: true);
        Assert.Equivalent(put, await jobs.FindAsync(job.Id, Token), strict: true);
        Assert.True(await IsReferredToAsync(job));
    }

    [Fact]
    public async Task Put_Twice_LeavesTheFirst()
    {
        var jobs = new OutboundTable(_storage.Tables);
        var first = await jobs.PutAsync(Job(), Token);

        Assert.Null(await jobs.PutAsync(Job() with { Id = first!.Id, Generation = 9 }, Token));

        Assert.Equal(1, (await jobs.FindAsync(_domain, first.Id, Token))!.Generation);
    }

    [Fact]
    public async Task Put_WithAnOldETag_IsRefused()
    {
        var jobs = new OutboundTable(_storage.Tables);
        var first = (await jobs.PutAsync(Job(), Token))!;
        var second = (await jobs.PutAsync(first with { Generation = 2 }, Token))!;

        Assert.Null(await jobs.PutAsync(first with { Generation = 3 }, Token));
        Assert.NotNull(await jobs.PutAsync(second with { Generation = 3 }, Token));
    }

    [Fact]
    public async Task Remove_ThenPutWithAnOldETag_IsRefused()
    {
        var jobs = new OutboundTable(_storage.Tables);
        var job = (await jobs.PutAsync(Job(), Token))!;
        await jobs.RemoveAsync(job, Token);
        await jobs.RemoveAsync(job, Token);

        Assert.Null(await jobs.PutAsync(job, Token));
        Assert.Null(await jobs.FindAsync(_domain, job.Id, Token));
    }

    [Fact]
    public async Task ReleaseBlob_GivesUpTheReference()
    {
        var jobs = new OutboundTable(_storage.Tables);
        var job = (await jobs.PutAsync(Job(), Token))!;

        await jobs.ReleaseBlobAsync(job, Token);
        await jobs.ReleaseBlobAsync(job, Token);

        Assert.False(await IsReferredToAsync(job));
    }

    [Fact]
    public async Task List_ByDomainAndState_PagesAndLeavesOutWhatIsDone()
    {
        var jobs = new OutboundTable(_storage.Tables);
        for (var i = 0; i < 5; i++)
        {
            await jobs.PutAsync(Job() with { State = i switch { 0 => JobState.Held, 1 => JobState.Done, _ => JobState.Queued } }, Token);
        }

        var first = await jobs.ListAsync(_domain, null, 2, null, Token);
        var rest = await jobs.ListAsync(_domain, null, 2, first.Continuation, Token);

        Assert.Equal(4, first.Items.Concat(rest.Items).Select(j => j.Id).Distinct().Count());
        Assert.DoesNotContain(first.Items.Concat(rest.Items), j => j.State == JobState.Done);
        Assert.Single((await jobs.ListAsync(_domain, JobState.Held, 10, null, Token)).Items);
    }

    [Fact]
    public async Task ListOverdue_FindsLateJobsAndOldDoneOnes()
    {
        var jobs = new OutboundTable(_storage.Tables);
        var late = await jobs.PutAsync(Job() with { NextAttempt = Now.AddHours(-1) }, Token);
        var untold = await jobs.PutAsync(Job() with { NextAttempt = Now.AddHours(-1), State = JobState.Telling }, Token);
        var old = await jobs.PutAsync(Job() with { State = JobState.Done, ChangedAt = Now.AddDays(-3) }, Token);
        await jobs.PutAsync(Job(), Token);
        await jobs.PutAsync(Job() with { NextAttempt = Now.AddHours(-1), State = JobState.Held }, Token);
        await jobs.PutAsync(Job() with { State = JobState.Done, ChangedAt = Now }, Token);

        var found = (await jobs.ListOverdueAsync(Now.AddMinutes(-10), Now.AddDays(-2), 1000, Token)).Where(j => j.Domain == _domain);

        Assert.Equal(new[] { late!.Id, untold!.Id, old!.Id }.Order(), found.Select(j => j.Id).Order());
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private async Task<bool> IsReferredToAsync(OutboundJob job)
    {
        await foreach (var _ in _storage.Tables.GetTableClient("references").QueryAsync<global::Azure.Data.Tables.TableEntity>(r => r.PartitionKey == job.MessageId))
        {
            return true;
        }

        return false;
    }

    private OutboundJob Job()
    {
        var message = Guid.NewGuid().ToString("D");
        return new OutboundJob
        {
            Id = message + "-0",
            Domain = _domain,
            MessageId = message,
            Blob = $"2026/11/23/{message}.eml",
            Size = 100,
            MailFrom = new ReversePath { Address = "alice@example.test", Envid = "7", Ret = "FULL" },
            ReceivedAt = Now,
            Recipients = [new OutboundRecipient { Address = "a@" + _domain, Notify = "NEVER", Orcpt = "rfc822;a@" + _domain, LastReply = "450 x" }],
            NextAttempt = Now,
        };
    }
}
