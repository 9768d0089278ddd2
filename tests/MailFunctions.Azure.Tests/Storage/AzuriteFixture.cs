using MailFunctions.Azure.Tests.Storage;
using MailFunctions.TestKit;
using Xunit;

[assembly: AssemblyFixture(typeof(AzuriteFixture))]

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>One Azurite for all tests; each test has mailboxes, domains and blobs of its own.</summary>
public sealed class AzuriteFixture : IAsyncLifetime
{
    private AzuriteProcess? _azurite;

    public string ConnectionString => _azurite!.ConnectionString;

    public string EmptyConnectionString => _azurite!.EmptyConnectionString;

    public async ValueTask InitializeAsync()
    {
        _azurite = await AzuriteProcess.StartAsync();
        await StorageSetup.CreateAsync(TestStorage.OptionsOf(ConnectionString), CancellationToken.None);
    }

    public ValueTask DisposeAsync() => _azurite?.DisposeAsync() ?? ValueTask.CompletedTask;
}
