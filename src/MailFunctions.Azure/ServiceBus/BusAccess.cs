using Azure.Core;
using Azure.Identity;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>The SDK's clients, with the bounds of callers that wait: an SMTP session above all.</summary>
internal sealed class BusAccess : IAsyncDisposable
{
    private readonly BusOptions _options;
    private readonly Lazy<ServiceBusAdministrationClient> _administration;

    public BusAccess(BusOptions options)
    {
        _options = options;
        TokenCredential? credential = options.ConnectionString is null ? new DefaultAzureCredential() : null;
        var bounds = new ServiceBusClientOptions
        {
            RetryOptions = new ServiceBusRetryOptions
            {
                Mode = ServiceBusRetryMode.Fixed,
                MaxRetries = 1,
                Delay = TimeSpan.FromSeconds(0.2),
                TryTimeout = TimeSpan.FromSeconds(5),
            },
        };
        Client = credential is null
            ? new ServiceBusClient(options.ConnectionString, bounds)
            : new ServiceBusClient(options.Host, credential, bounds);
        _administration = new Lazy<ServiceBusAdministrationClient>(
            () => CreateAdministration(options, credential)); // the edge has no right to it
    }

    public ServiceBusClient Client { get; }

    public ServiceBusAdministrationClient Administration => _administration.Value;

    private static ServiceBusAdministrationClient CreateAdministration(BusOptions options, TokenCredential? credential)
    {
        var bounds = new ServiceBusAdministrationClientOptions();
        (bounds.Retry.MaxRetries, bounds.Retry.NetworkTimeout) = (1, TimeSpan.FromSeconds(5));
        return credential is null
            ? new ServiceBusAdministrationClient(options.ManagementConnectionString, bounds)
            : new ServiceBusAdministrationClient(options.Management.Host, credential, bounds);
    }

    /// <summary>Runs one call of the SDK within the time limit of an operation.</summary>
    /// <exception cref="BusUnavailableException">It failed, or took longer than that.</exception>
    public async Task<T> RunAsync<T>(string queue, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.OperationTimeout);
        try
        {
            // The SDK looks at the token between its steps only: a bus that takes the connection and is silent held it 5 s longer.
            return await call(limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception e) when (e is not BusUnavailableException && !cancellationToken.IsCancellationRequested)
        {
            // Besides ServiceBusException the SDK lets through what its identity, token and transport layers throw.
            throw new BusUnavailableException(
                limit.IsCancellationRequested
                    ? $"The bus at {_options.Host} did not answer within {_options.OperationTimeout.TotalSeconds:0.#} s."
                    : $"The bus at {_options.Host} can't be used for '{queue}': {e.Message}",
                e);
        }
    }

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(string queue, Func<CancellationToken, Task> call, CancellationToken cancellationToken) => RunAsync(
        queue,
        async limited =>
        {
            await call(limited);
            return true;
        },
        cancellationToken);

    public ValueTask DisposeAsync() => Client.DisposeAsync();
}
