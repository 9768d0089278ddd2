using MailFunctions.Azure.Accounts;
using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.Stats;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Stats;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>What goes from the table `stats`, and what stays.</summary>
public sealed class StatsTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private readonly TestStorage _storage = new(azurite.ConnectionString);
    private readonly ManualTime _time = new();

    private static CancellationToken Token => CancellationToken.None;

    [Fact]
    public async Task Retention_RowsOlderThanNinetyDays_Go()
    {
        var stats = new StatsTable(_storage.Tables);
        var (old, young) = (_time.GetUtcNow().AddDays(-91), _time.GetUtcNow().AddDays(-89));
        foreach (var at in (DateTimeOffset[])[old, old.AddMinutes(1), young])
        {
            await stats.WriteAsync(new StatsMinute(at, "retention", new Dictionary<string, long> { ["a"] = 1 }), Token);
        }

        Assert.True(await new StatsRetention(_storage.Tables, _time).RunAsync(Token) >= 2);

        Assert.Empty(await stats.ReadAsync(old.AddDays(-1), old.AddDays(1), Token).ToListAsync(Token));
        Assert.Single(
            await stats.ReadAsync(young.AddHours(-1), young.AddHours(1), Token).Where(m => m.Instance == "retention").ToListAsync(Token));
    }

    [Fact]
    public async Task UsesOfAppPasswords_RevokedOrOfAccountsThatAreGone_GoAfterAnHour()
    {
        var (uses, directory) = (new AppPasswordUseTable(_storage.Tables), new DirectoryTable(_storage.Tables));
        var kept = new AccountEntry
        {
            Address = EmailAddress.Parse($"kept@{TestStorage.NewDomain()}")!,
            MailboxId = TestStorage.NewMailboxId(),
            AppPasswords = [new AppPassword("there", "x", ScramVerifier.Create("does not matter", iterations: 4096), _time.GetUtcNow())],
        };
        await directory.PutEntryAsync(kept, Token);
        var (replaced, gone) = (TestStorage.NewMailboxId(), TestStorage.NewMailboxId());
        await uses.RecordAsync(kept.MailboxId, kept.Address, "there", _time.GetUtcNow(), Token);
        await uses.RecordAsync(kept.MailboxId, kept.Address, "revoked", _time.GetUtcNow(), Token);
        await uses.RecordAsync(replaced, kept.Address, "there", _time.GetUtcNow(), Token); // of an account before, with the same address
        await uses.RecordAsync(gone, EmailAddress.Parse($"gone@{TestStorage.NewDomain()}")!, "there", _time.GetUtcNow(), Token);
        var task = new AppPasswordUseRetention(_storage.Tables, directory, _time);

        Assert.Equal(0, await task.RunAsync(Token)); // they are young yet
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(3, await task.RunAsync(Token));
        Assert.Equal(0, await task.RunAsync(Token));

        Assert.Equal(["there"], (await uses.ReadAsync(kept.MailboxId, Token)).Keys);
        Assert.Empty(await uses.ReadAsync(replaced, Token));
        Assert.Empty(await uses.ReadAsync(gone, Token));
    }
}
