using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;
using MailFunctions.TestKit;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>A directory in memory with the domain `example.test`; counts reads, and can be away.</summary>
internal sealed class TestDirectory : MemoryDirectory
{
    public const string Password = "correct horse battery";

    public TestDirectory() => Put(new MailDomain { Name = "example.test" });

    public bool IsAway { get; set; }

    /// <summary>Reads wait for it.</summary>
    public TaskCompletionSource? Gate { get; set; }

    public AccountEntry AddAccount(string address, Func<AccountEntry, AccountEntry>? change = null)
    {
        var account = new AccountEntry
        {
            Address = EmailAddress.Parse(address)!,
            MailboxId = "box-" + address,
            Password = ScramVerifier.Create(Password, iterations: 4096),
        };
        account = change?.Invoke(account) ?? account;
        Put(account);
        return account;
    }

    public void AddAlias(string address, params string[] targets) => Put(new AliasEntry
    {
        Address = EmailAddress.Parse(address)!,
        Targets = [.. targets.Select(t => EmailAddress.Parse(t)!)],
    });

    protected override async Task ArriveAsync()
    {
        if (Gate is { } gate)
        {
            await gate.Task;
        }

        if (IsAway)
        {
            throw new StoreUnavailableException("away");
        }
    }
}
