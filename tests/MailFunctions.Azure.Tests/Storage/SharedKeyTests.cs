using MailFunctions.Azure.Accounts;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Core.Accounts;
using Xunit;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>What edges share in `stats`: keys, made once by whichever asks first, and proofs of passwords.</summary>
public sealed class SharedKeyTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private readonly TestStorage _storage = new(azurite.ConnectionString);

    [Fact]
    public async Task Get_ManyProcessesAtOnce_AllHaveTheSameKeyAndKeepIt()
    {
        var name = Guid.NewGuid().ToString("N");
        var keys = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Keys().GetAsync(name, CancellationToken.None).AsTask()));

        Assert.Equal(32, keys[0].Length);
        Assert.All(keys, k => Assert.Equal(keys[0], k));
        Assert.Equal(keys[0], await Keys().GetAsync(name, CancellationToken.None));
        Assert.NotEqual(keys[0], await Keys().GetAsync(name + "2", CancellationToken.None));
    }

    [Fact]
    public async Task Get_StoreAway_SaysSo()
    {
        var away = new SharedKeyTable(new global::Azure.Data.Tables.TableServiceClient(
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:1/a;", new()
            {
                Retry = { MaxRetries = 0 },
            }));

        await Assert.ThrowsAsync<Core.Messages.StoreUnavailableException>(() => away.GetAsync("decoys", CancellationToken.None).AsTask());
    }

    [Fact]
    public async Task PasswordProofs_AreFoundUntilTheirTimeIsOverAndThenRemoved()
    {
        var (time, proofs) = (new TestKit.ManualTime(), new PasswordProofTable(_storage.Tables));
        var (old, young) = (new string('a', 64), new string('b', 64));
        await proofs.WriteAsync(old, time.GetUtcNow() - PasswordProof.Lifetime - TimeSpan.FromMinutes(1), CancellationToken.None);
        await proofs.WriteAsync(young, time.GetUtcNow(), CancellationToken.None);

        Assert.Equal(time.GetUtcNow(), await proofs.FindAsync(young, CancellationToken.None));
        Assert.Null(await proofs.FindAsync(new string('c', 64), CancellationToken.None));
        Assert.Equal(1, await new PasswordProofRetention(_storage.Tables, time).RunAsync(CancellationToken.None));
        Assert.Null(await proofs.FindAsync(old, CancellationToken.None));
        Assert.NotNull(await proofs.FindAsync(young, CancellationToken.None));
    }

    private SharedKeyTable Keys() => new SharedKeyTable(_storage.Tables);
}
