using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using Xunit;

namespace MailFunctions.Azure.Tests.Dkim;

/// <summary>Selectors in the table `domains` on Azurite.</summary>
public sealed class DkimRowsTests(AzuriteFixture azurite)
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    private readonly DirectoryTable _directory = new(new TestStorage(azurite.ConnectionString).Tables);

    [Fact]
    public async Task Put_ADomainWithTheMostSelectors_ReadsBackWhole()
    {
        var domain =
            Domain([.. Enumerable.Range(0, 16).Select(i => Key($"mf20261123-{i}r", DkimState.Retiring, Now.AddDays(i).AddTicks(7)))]);

        Assert.Equal(WriteResult.Created, (await _directory.PutDomainAsync(domain, Token)).Result);

        var read = await _directory.FindDomainAsync(domain.Name, Token);
        Assert.Equal(domain.DkimKeys, read!.DkimKeys);
        Assert.Equal(WriteResult.Replaced, (await _directory.PutDomainAsync(read with { DkimKeys = [] }, Token)).Result);
        Assert.Empty((await _directory.FindDomainAsync(domain.Name, Token))!.DkimKeys);
    }

    [Fact]
    public async Task ListRetired_GivesDomainsWithASelectorWhoseTimeIsOver()
    {
        var (due, later, never) = (
            Domain([Key("a", DkimState.Active, null), Key("b", DkimState.Retiring, Now)]),
            Domain([Key("b", DkimState.Retiring, Now.AddSeconds(1))]),
            Domain([Key("a", DkimState.Active, null)]));
        foreach (var domain in (MailDomain[])[due, later, never])
        {
            await _directory.PutDomainAsync(domain, Token);
        }

        var found = (await _directory.ListRetiredDkimAsync(Now, 1000, Token)).Select(d => d.Name).ToList();

        Assert.Contains(due.Name, found);
        Assert.DoesNotContain(later.Name, found);
        Assert.DoesNotContain(never.Name, found);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static MailDomain Domain(IReadOnlyList<DkimKey> keys) =>
        new() { Name = $"d{Guid.NewGuid():N}.test", CreatedAt = Now, DkimKeys = keys };

    private static DkimKey Key(string selector, string state, DateTimeOffset? removeAt) => new()
    {
        Selector = selector,
        Algorithm = DkimAlgorithm.Rsa,
        PublicKey = new string('A', 392),
        Secret = $"dkim-{selector}-{Guid.NewGuid():N}",
        State = state,
        CreatedAt = Now,
        RemoveAt = removeAt,
    };
}
