using MailFunctions.Core.Addresses;
using MailFunctions.Core.Messages;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Accounts;

/// <summary>The short cache before the directory.</summary>
public sealed class CachedDirectoryTests : IDisposable
{
    private static readonly EmailAddress Alice = EmailAddress.Parse("alice@example.test")!;

    private readonly ManualTime _time = new();
    private readonly TestDirectory _store = new();
    private readonly CachedDirectory _directory;

    public CachedDirectoryTests() => _directory = new CachedDirectory(_store, Options.Create(new LoginOptions()), _time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FindEntry_AskedAgainSoon_IsReadOnce()
    {
        _store.AddAccount("alice@example.test");
        await _directory.FindEntryAsync(Alice, Cancel);
        await _directory.FindEntryAsync(Alice, Cancel);

        Assert.Equal(1, _store.EntryReads);
    }

    [Fact]
    public async Task FindEntry_MissingThenMade_IsSeenWithinFiveSeconds()
    {
        Assert.Null(await _directory.FindEntryAsync(Alice, Cancel));
        _store.AddAccount("alice@example.test");
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.NotNull(await _directory.FindEntryAsync(Alice, Cancel));
    }

    [Fact]
    public async Task FindEntry_Removed_IsForgottenWithinItsCacheTime()
    {
        _store.AddAccount("alice@example.test");
        await _directory.FindEntryAsync(Alice, Cancel);
        _store.Remove("alice@example.test");

        Assert.NotNull(await _directory.FindEntryAsync(Alice, Cancel));
        _time.Advance(TimeSpan.FromSeconds(21));
        Assert.Null(await _directory.FindEntryAsync(Alice, Cancel));
    }

    [Fact]
    public async Task FindEntry_ManyAtOnce_ShareOneRead()
    {
        _store.AddAccount("alice@example.test");
        _store.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = Enumerable.Range(0, 100).Select(_ => _directory.FindEntryAsync(Alice, Cancel).AsTask()).ToList();
        _store.Gate.SetResult();

        Assert.All(await Task.WhenAll(waiting), Assert.NotNull);
        Assert.Equal(1, _store.EntryReads);
    }

    [Fact]
    public async Task FindEntry_OneOfThoseWaitingGivesUp_OthersGetTheirAnswer()
    {
        _store.AddAccount("alice@example.test");
        _store.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var impatient = new CancellationTokenSource();
        var first = _directory.FindEntryAsync(Alice, impatient.Token).AsTask();
        var second = _directory.FindEntryAsync(Alice, Cancel).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        _store.Gate.SetResult();

        Assert.NotNull(await second);
    }

    [Fact]
    public async Task FindEntry_StoreAway_IsNotRemembered()
    {
        _store.AddAccount("alice@example.test");
        _store.IsAway = true;
        await Assert.ThrowsAsync<StoreUnavailableException>(() => _directory.FindEntryAsync(Alice, Cancel).AsTask());
        _store.IsAway = false;

        Assert.NotNull(await _directory.FindEntryAsync(Alice, Cancel));
    }

    [Fact]
    public async Task FindEntry_FarMoreNamesThanFit_MemoryIsBounded()
    {
        for (var i = 0; i < 60_000; i++)
        {
            await _directory.FindEntryAsync(EmailAddress.Parse($"nobody{i}@example.test")!, Cancel);
        }

        Assert.InRange(_directory.Count, 1, 50_000);
    }

    [Fact]
    public async Task FindFreshEntry_Cached_ReadsAgainAndRenewsTheCache()
    {
        _store.AddAccount("alice@example.test");
        await _directory.FindEntryAsync(Alice, Cancel);
        _store.AddAccount("alice@example.test", a => a with { DisplayName = "new" });

        Assert.Equal("new", (await _directory.FindFreshEntryAsync(Alice, Cancel) as Core.Directory.AccountEntry)?.DisplayName);
        Assert.Equal("new", (await _directory.FindEntryAsync(Alice, Cancel) as Core.Directory.AccountEntry)?.DisplayName);
        Assert.Equal(2, _store.EntryReads);
    }

    public void Dispose() => _directory.Dispose();
}
