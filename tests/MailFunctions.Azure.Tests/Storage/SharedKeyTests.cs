using MailFunctions.Azure.Tables;
using MailFunctions.Core.Accounts;
using Xunit;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>A key that all edges share: made once, by whichever asks first.</summary>
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
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:1/a;", new() { Retry = { MaxRetries = 0 } }));

        await Assert.ThrowsAsync<Core.Messages.StoreUnavailableException>(() => away.GetAsync("decoys", CancellationToken.None).AsTask());
    }

    private ISharedKeys Keys() => new SharedKeyTable(_storage.Tables);
}
