using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using Xunit;

namespace MailFunctions.Core.Tests.Directory;

public sealed class RecipientResolverTests
{
    private readonly FakeDirectory _directory = new();

    [Fact]
    public async Task Resolve_ForeignDomain_IsNotLocal() =>
        Assert.IsType<Resolution.NotLocal>(await ResolveAsync("x@elsewhere.test"));

    [Fact]
    public async Task Resolve_NobodyThere_IsUnknown() =>
        Assert.IsType<Resolution.Unknown>(await ResolveAsync("nobody@example.test"));

    [Fact]
    public async Task Resolve_TaggedAddress_FindsTheUntaggedAccount()
    {
        _directory.Account("alice");

        Assert.Equal("alice", Mailboxes(await ResolveAsync("Alice+news@example.test")));
    }

    [Fact]
    public async Task Resolve_ExactEntryWithTag_WinsOverUntagged()
    {
        _directory.Account("alice");
        _directory.Account("alice+news");

        Assert.Equal("alice+news", Mailboxes(await ResolveAsync("alice+news@example.test")));
    }

    [Fact]
    public async Task Resolve_CatchAll_TakesTheRest()
    {
        _directory.Account("alice");
        _directory.Alias("*", "alice@example.test");

        Assert.Equal("alice", Mailboxes(await ResolveAsync("whoever@example.test")));
    }

    [Theory]
    [InlineData("postmaster", "alice")]
    [InlineData("Abuse", "alice")]
    [InlineData("abuse+tag", "alice")]
    [InlineData("whoever", "bob")]
    public async Task Resolve_RoleNobodyMade_GoesToTheDomainsPostmasterBeforeTheCatchAll(string name, string expected)
    {
        _directory.Account("alice");
        _directory.Account("bob");
        _directory.Alias("*", "bob@example.test");
        _directory.Postmaster = EmailAddress.Parse("alice@example.test");

        Assert.Equal(expected, Mailboxes(await ResolveAsync(name + "@example.test")));
    }

    [Fact]
    public async Task Resolve_RoleThatIsMade_WinsOverTheDomainsPostmaster()
    {
        _directory.Account("alice");
        _directory.Account("abuse");
        _directory.Postmaster = EmailAddress.Parse("alice@example.test");

        Assert.Equal("abuse", Mailboxes(await ResolveAsync("abuse@example.test")));
    }

    [Theory]
    [InlineData("abuse@new.test", "mail.example.test", "alice")]
    [InlineData("postmaster+tag@new.test", "a.b.example.test", "alice")]
    [InlineData("postmaster@new.test", "example.test", "alice")]
    [InlineData("postmaster@new.test", "mail.elsewhere.test", null)]
    [InlineData("postmaster@new.test", "mail.new.test", null)] // its own is the system's, and it has none
    [InlineData("postmaster@new.test", null, null)]
    [InlineData("whoever@new.test", "mail.example.test", null)]
    public async Task Resolve_RoleOfADomainWithoutPostmaster_GoesToTheSystems(string address, string? hostName, string? expected)
    {
        _directory.Account("alice");
        _directory.Postmaster = EmailAddress.Parse("alice@example.test");

        var resolution = await ResolveAsync(address, hostName);

        Assert.Equal(expected, resolution is Resolution.Found ? Mailboxes(resolution) : null);
    }

    [Fact]
    public async Task Resolve_RoleOfADomainWithACatchAll_GoesThereAndNotToTheSystems()
    {
        _directory.Account("alice");
        _directory.Account("bob");
        _directory.Postmaster = EmailAddress.Parse("alice@example.test");
        _directory.Add(new AliasEntry { Address = EmailAddress.Parse("*@new.test")!, Targets = [EmailAddress.Parse("bob@example.test")!] });

        Assert.Equal("bob", Mailboxes(await ResolveAsync("abuse@new.test", "mail.example.test")));
    }

    [Fact]
    public async Task Resolve_AliasOfAliases_GivesEachMailboxOnce()
    {
        _directory.Account("alice");
        _directory.Account("bob");
        _directory.Alias("team", "alice@example.test", "others@example.test", "far@elsewhere.test");
        _directory.Alias("others", "bob@example.test", "alice@example.test");

        var found = Assert.IsType<Resolution.Found>(await ResolveAsync("team@example.test"));

        Assert.Equal("alice,bob", Mailboxes(found));
        Assert.Equal(["far@elsewhere.test"], found.Remote.Select(a => a.ToString()));
    }

    [Fact]
    public async Task Resolve_AliasLoop_EndsAsUnknown()
    {
        _directory.Alias("a", "b@example.test");
        _directory.Alias("b", "a@example.test");

        Assert.IsType<Resolution.Unknown>(await ResolveAsync("a@example.test"));
    }

    [Fact]
    public async Task Resolve_AliasWithADisabledTarget_ReachesTheOthers()
    {
        _directory.Account("alice", enabled: false);
        _directory.Account("bob");
        _directory.Alias("team", "alice@example.test", "bob@example.test");

        var found = Assert.IsType<Resolution.Found>(await ResolveAsync("team@example.test"));

        Assert.Equal("bob", Mailboxes(found));
        Assert.Equal("alice@example.test", Assert.Single(found.Failed).Address.ToString());
        Assert.IsType<Resolution.Disabled>(await ResolveAsync("alice@example.test"));
    }

    [Fact]
    public async Task Resolve_AliasWhoseOnlyTargetIsDisabled_IsDisabled()
    {
        _directory.Account("alice", enabled: false);
        _directory.Alias("team", "alice@example.test");

        Assert.IsType<Resolution.Disabled>(await ResolveAsync("team@example.test"));
    }

    [Fact]
    public async Task Resolve_AliasWithUnknownTarget_NamesItAsFailed()
    {
        _directory.Account("bob");
        _directory.Alias("team", "bob@example.test", "nobody@example.test");

        var found = Assert.IsType<Resolution.Found>(await ResolveAsync("team@example.test"));

        Assert.Equal("nobody@example.test", Assert.Single(found.Failed).Address.ToString());
    }

    [Fact]
    public async Task Resolve_AliasesBehindOneAnotherPastTheLimit_NamesWhereItStopped()
    {
        _directory.Account("bob");
        _directory.Alias("a0", "bob@example.test", "a1@example.test");
        for (var i = 1; i <= RecipientResolver.MaxDepth + 1; i++)
        {
            _directory.Alias($"a{i}", $"a{i + 1}@example.test");
        }

        var found = Assert.IsType<Resolution.Found>(await ResolveAsync("a0@example.test"));

        Assert.Equal("bob", Mailboxes(found));
        Assert.Single(found.Failed);
    }

    [Theory]
    [InlineData("alice@example.test")]
    [InlineData("nobody@example.test")]
    public async Task Resolve_ForwardWithoutCopyThatLeadsNowhere_KeepsTheCopy(string target)
    {
        _directory.Account("alice", forwardTo: target, keepCopy: false);

        Assert.Equal("alice", Mailboxes(await ResolveAsync("alice@example.test")));
    }

    [Fact]
    public async Task Resolve_ForwardWithoutCopy_LeavesNothingHere()
    {
        _directory.Account("alice", forwardTo: "far@elsewhere.test", keepCopy: false);

        var found = Assert.IsType<Resolution.Found>(await ResolveAsync("alice@example.test"));

        Assert.Empty(found.Mailboxes);
        Assert.Single(found.Remote);
    }

    private async Task<Resolution> ResolveAsync(string address, string? hostName = null) =>
        await new RecipientResolver(_directory, hostName: hostName)
            .ResolveAsync(EmailAddress.Parse(address)!, TestContext.Current.CancellationToken);

    private static string Mailboxes(Resolution resolution) =>
        string.Join(",", Assert.IsType<Resolution.Found>(resolution).Mailboxes.Select(m => m.Address.LocalPart));

    private sealed class FakeDirectory : IDirectoryReader
    {
        private readonly Dictionary<EmailAddress, DirectoryEntry> _entries = [];

        public EmailAddress? Postmaster { get; set; }

        public void Account(string name, bool enabled = true, string? forwardTo = null, bool keepCopy = true) => Add(new AccountEntry
        {
            Address = EmailAddress.Parse(name + "@example.test")!,
            MailboxId = name,
            Enabled = enabled,
            ForwardTo = forwardTo is null ? [] : [EmailAddress.Parse(forwardTo)!],
            KeepCopy = keepCopy,
        });

        public void Alias(string name, params string[] targets) => Add(new AliasEntry
        {
            Address = EmailAddress.Parse(name + "@example.test")!,
            Targets = [.. targets.Select(t => EmailAddress.Parse(t)!)],
        });

        public ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken) =>
            ValueTask.FromResult(
                domain == "example.test" ? new MailDomain { Name = domain, Postmaster = Postmaster }
                : domain == "new.test" ? new MailDomain { Name = domain } : null);

        public ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken) =>
            ValueTask.FromResult(_entries.GetValueOrDefault(address));

        public void Add(DirectoryEntry entry) => _entries.Add(entry.Address, entry);
    }
}
