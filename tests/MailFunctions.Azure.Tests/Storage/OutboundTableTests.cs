using Azure.Data.Tables;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Relay;
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
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var job = Job() with
        {
            Results = [
                new RecipientResult(
                    new OutboundRecipient { Address = "b@x.test" }, ResultKind.Failed, "5.1.1", "550 No", "mx.test", Now.AddTicks(7),
                    true)],
            LeasedUntil = Now.AddMinutes(4),
            WarnedAt = Now.AddHours(4),
            LastReply = "451 Later",
            IsOurs = true,
            DeliveredTo = "team@example.test",
            MadeFor = ["a@x.test", "\"two words\"@x.test"],
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
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var first = await jobs.PutAsync(Job(), Token);

        Assert.Null(await jobs.PutAsync(Job() with { Id = first!.Id, Generation = 9 }, Token));

        Assert.Equal(1, (await jobs.FindAsync(_domain, first.Id, Token))!.Generation);
    }

    [Fact]
    public async Task Put_WithAnOldETag_IsRefused()
    {
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var first = (await jobs.PutAsync(Job(), Token))!;
        var second = (await jobs.PutAsync(first with { Generation = 2 }, Token))!;

        Assert.Null(await jobs.PutAsync(first with { Generation = 3 }, Token));
        Assert.NotNull(await jobs.PutAsync(second with { Generation = 3 }, Token));
    }

    [Fact]
    public async Task Remove_ThenPutWithAnOldETag_IsRefused()
    {
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var job = (await jobs.PutAsync(Job(), Token))!;
        await jobs.RemoveAsync(job, Token);
        await jobs.RemoveAsync(job, Token);

        Assert.Null(await jobs.PutAsync(job, Token));
        Assert.Null(await jobs.FindAsync(_domain, job.Id, Token));
    }

    [Fact]
    public async Task ReleaseBlob_GivesUpTheReference()
    {
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var job = (await jobs.PutAsync(Job(), Token))!;

        await jobs.ReleaseBlobAsync(job, Token);
        await jobs.ReleaseBlobAsync(job, Token);

        Assert.False(await IsReferredToAsync(job));
    }

    [Fact]
    public async Task List_ByDomainAndState_PagesAndLeavesOutWhatIsDone()
    {
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
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
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var late = await jobs.PutAsync(Job() with { NextAttempt = Now.AddHours(-1) }, Token);
        var unreported = await jobs.PutAsync(Job() with { NextAttempt = Now.AddHours(-1), State = JobState.Reporting }, Token);
        var old = await jobs.PutAsync(Job() with { State = JobState.Done, ChangedAt = Now.AddDays(-3) }, Token);
        await jobs.PutAsync(Job(), Token);
        await jobs.PutAsync(Job() with { NextAttempt = Now.AddHours(-1), State = JobState.Held }, Token);
        await jobs.PutAsync(Job() with { State = JobState.Done, ChangedAt = Now }, Token);

        var overdue = (await jobs.ListOverdueAsync(Now.AddMinutes(-10), 1000, Token)).Where(j => j.Domain == _domain);
        var done = (await jobs.ListDoneAsync(Now.AddDays(-2), 1000, Token)).Where(j => j.Domain == _domain);

        Assert.Equal(new[] { late!.Id, unreported!.Id }.Order(), overdue.Select(j => j.Id).Order());
        Assert.Equal([old!.Id], done.Select(j => j.Id));
    }

    /// <summary>Rows of the release before have `telling` where this one writes `reporting`.</summary>
    [Fact]
    public async Task State_InItsFormerWord_IsFoundAndReadAsThePresentOne()
    {
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var job = (await jobs.PutAsync(Job() with { NextAttempt = Now.AddHours(-1), State = JobState.FormerReporting }, Token))!;
        var present = (await jobs.PutAsync(Job() with { State = JobState.Reporting }, Token))!;

        Assert.Equal(JobState.Reporting, (await jobs.FindAsync(_domain, job.Id, Token))!.State);
        Assert.Contains(await jobs.ListOverdueAsync(Now, 1000, Token), j => j.Id == job.Id && j.State == JobState.Reporting);
        foreach (var asked in new[] { JobState.Reporting, JobState.FormerReporting })
        {
            var listed = (await jobs.ListAsync(_domain, asked, 10, null, Token)).Items;
            Assert.Equal(new[] { job.Id, present.Id }.Order(), listed.Select(j => j.Id).Order());
            Assert.All(listed, j => Assert.Equal(JobState.Reporting, j.State));
        }

        var read = (await jobs.FindAsync(_domain, job.Id, Token))!;
        Assert.NotNull(await jobs.PutAsync(read, Token));
        Assert.Equal("reporting", (await _storage.Tables.GetTableClient(OutboundTable.OutboundName)
            .GetEntityAsync<TableEntity>(_domain, job.Id, cancellationToken: Token)).Value.GetString("State"));
    }

    /// <summary>A row that can't be written after the peer took the mail is mail that goes again and again.</summary>
    [Theory]
    [InlineData('x')]
    [InlineData('<')]
    [InlineData('ж')]
    [InlineData('"')]
    public async Task Put_WithTheLongestResultsOfAllRecipients_FitsTheRow(char letter)
    {
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var envelope = new InboundEnvelope
        {
            Id = Guid.NewGuid().ToString(),
            ReceivedAt = Now,
            Listener = ListenerKind.Mx,
            Client = new ClientInfo("192.0.2.1", "client.test", null, null),
            MailFrom = new ReversePath { Address = "s@x.test" },
            Recipients = [],
            Size = 1,
            Blob = "b",
        };
        var recipients = Enumerable.Range(0, JobSplitter.MaxRecipients).Select(i =>
        {
            var address =
                Core.Addresses.EmailAddress.Parse(
                    $"{i}{new string(letter is 'ж' ? letter : 'a', 50 / (letter is 'ж' ? 2 : 1))}@{_domain}")!;
            return (address, new OutboundRecipient
            {
                Address = address.ToString(),
                Notify = "SUCCESS,FAILURE,DELAY",
                Orcpt = "rfc822;" + new string('+', 60),
            });
        });
        foreach (var job in JobSplitter.Split(envelope, envelope.MailFrom, null, recipients, Now))
        {
            var put = (await jobs.PutAsync(job, Token))!;
            var reply = "250 2.6.0 " + new string(letter, 490);
            var results = put.Recipients.Select(r => new RecipientResult(
                r with { LastReply = reply }, ResultKind.Deferred, "4.7.606", reply, new string('h', 250) + ".test", Now, true)).ToList();

            Assert.NotNull(await jobs.PutAsync(
                put with { Results = results, Recipients = [.. results.Select(r => r.Recipient)], LastReply = reply }, Token));

            var read = (await jobs.FindAsync(_domain, job.Id, Token))!;
            Assert.Equal(results.Count, read.Results.Count);
            Assert.All(read.Results, r => Assert.StartsWith("250", r.Reply, StringComparison.Ordinal));
            Assert.Equal(put.Recipients.Select(r => r.Address), read.Recipients.Select(r => r.Address));
        }
    }

    [Fact]
    public async Task Put_WhoseAnswerWasLost_IsDone()
    {
        var jobs = new OutboundTable(_storage.Tables, new ReferencesTable(_storage.Tables));
        var job = (await jobs.PutAsync(Job(), Token))!;
        _storage.Watch.LoseAnswers(r => r.Method == "PUT" && r.Uri.AbsolutePath.Contains("outbound", StringComparison.Ordinal));

        var put = await jobs.PutAsync(job with { Generation = 2, LeasedUntil = Now.AddTicks(3) }, Token);

        Assert.Equal(2, put?.Generation);
        Assert.NotNull(await jobs.PutAsync(put! with { Generation = 3 }, Token));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private async Task<bool> IsReferredToAsync(OutboundJob job)
    {
        await foreach (var _ in _storage.Tables.GetTableClient("references")
            .QueryAsync<global::Azure.Data.Tables.TableEntity>(r => r.PartitionKey == job.MessageId))
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
            Recipients =
                [new OutboundRecipient { Address = "a@" + _domain, Notify = "NEVER", Orcpt = "rfc822;a@" + _domain, LastReply = "450 x" }],
            NextAttempt = Now,
        };
    }
}
