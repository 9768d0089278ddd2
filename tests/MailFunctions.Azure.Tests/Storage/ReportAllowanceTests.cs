using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.Relay;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>Places for an hour's reports on Azurite, taken by several processes.</summary>
public sealed class ReportAllowanceTests(AzuriteFixture azurite)
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 30, 0, TimeSpan.Zero);

    private readonly string _address = $"a{Guid.NewGuid():N}@x.test";

    [Fact]
    public async Task Take_ByManyAtOnce_GivesEachPlaceOnceAndAgainToTheSameReport()
    {
        var first = await TakeAllAsync(Now);

        Assert.Equal(3, first.Count(taken => taken));
        Assert.Equal(first, await TakeAllAsync(Now));
        Assert.Equal(3, (await TakeAllAsync(Now.AddHours(1))).Count(taken => taken));
    }

    [Fact]
    public async Task Take_OfAnotherAddress_CountsAlone()
    {
        await TakeAllAsync(Now);

        Assert.True(await Allowance().TakeAsync("other" + _address, "r", Now, 3, Token));
    }

    [Fact]
    public async Task Rows_GoWhenTracesGo()
    {
        var longAgo = new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
        await TakeAllAsync(longAgo);
        var storage = new TestStorage(azurite.ConnectionString);

        await new TraceRetention(storage.Tables, new SetTime { Now = longAgo.AddDays(TraceRetention.Days + 1) }).RunAsync(Token);

        Assert.True(await Allowance().TakeAsync(_address, "another", longAgo, 1, Token));
    }

    private async Task<List<bool>> TakeAllAsync(DateTimeOffset at)
    {
        ReportAllowanceTable[] processes = [Allowance(), Allowance()];
        return [
            .. await Task.WhenAll(Enumerable.Range(0, 20).Select(i => processes[i % 2].TakeAsync(_address, $"report-{i}", at, 3, Token)))];
    }

    private ReportAllowanceTable Allowance() => new(new TestStorage(azurite.ConnectionString).Tables);

    private static CancellationToken Token => TestContext.Current.CancellationToken;
}
