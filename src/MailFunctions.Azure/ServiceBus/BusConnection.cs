using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using Amqp.Sasl;
using Amqp.Types;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>One AMQP connection with its session, and the tokens put to it. It does not recover: <see cref="BusClient"/> opens another.</summary>
internal sealed class BusConnection : IAsyncDisposable
{
    private readonly BusOptions _options;
    private readonly BusTokens _tokens;
    private readonly TimeProvider _time;
    private readonly Connection _connection;
    private readonly RequestClient _claims;
    private readonly ConcurrentDictionary<string, DateTimeOffset> _authorized = new();
    private readonly ConcurrentDictionary<string, Lazy<Task<RequestClient>>> _nodes = new();
    private readonly CancellationTokenSource _closing = new();

    private BusConnection(BusOptions options, BusTokens tokens, TimeProvider time, Connection connection, Session session, RequestClient claims)
    {
        (_options, _tokens, _time, _connection, Session, _claims) = (options, tokens, time, connection, session, claims);
        connection.AddClosedCallback((_, _) => _closing.Cancel());
        _ = RenewTokensAsync();
    }

    public Session Session { get; }

    public bool IsOpen => !_connection.IsClosed && !Session.IsClosed && _claims.IsOpen;

    /// <exception cref="BusUnavailableException">Nobody there, or it did not answer in time.</exception>
    public static async Task<BusConnection> OpenAsync(BusOptions options, BusTokens tokens, TimeProvider time, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory();
        factory.AMQP.HostName = options.Host;
        factory.AMQP.ContainerId = $"mailfunctions-{Guid.NewGuid():N}";
        factory.AMQP.IdleTimeout = (int)TimeSpan.FromMinutes(1).TotalMilliseconds;
        factory.AMQP.MaxFrameSize = 65536;
        factory.TCP.NoDelay = true;
        factory.SASL.Profile = new ClaimsBasedSasl();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ConnectTimeout);
        Connection? connection = null;
        try
        {
            var (scheme, defaultPort) = options.UseTls ? ("amqps", 5671) : ("amqp", 5672);
            connection = await factory.CreateAsync(
                new Address(options.Host, options.Port == 0 ? defaultPort : options.Port, null, null, "/", scheme), limit.Token).ConfigureAwait(false);
            var session = new Session(connection);
            var claims = await RequestClient.OpenAsync(session, "$cbs", options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
            return new BusConnection(options, tokens, time, connection, session, claims);
        }
        catch (Exception e) when (e is not BusUnavailableException && !cancellationToken.IsCancellationRequested)
        {
            Abort(connection);
            throw new BusUnavailableException($"The bus at {options.Host} can't be reached: {e.Message}", e);
        }
        catch
        {
            Abort(connection);
            throw;
        }
    }

    private static void Abort(Connection? connection) => connection?.Close(TimeSpan.Zero, null);

    /// <summary>Puts a token for an address, unless one is in force.</summary>
    public async Task AuthorizeAsync(string address, CancellationToken cancellationToken)
    {
        if (!_authorized.TryGetValue(address, out var expiresAt) || expiresAt <= _time.GetUtcNow())
        {
            await PutTokenAsync(address, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task PutTokenAsync(string address, CancellationToken cancellationToken)
    {
        var audience = $"sb://{_options.Host}/{address}";
        BusToken token;
        try
        {
            token = await _tokens.GetAsync(audience, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is global::Azure.Identity.AuthenticationFailedException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)) // the identity endpoint's own time limit
        {
            throw new BusUnavailableException("No token for the bus: " + e.Message, e);
        }

        var request = new Message(token.Value) { ApplicationProperties = new ApplicationProperties() };
        request.ApplicationProperties["operation"] = "put-token";
        request.ApplicationProperties["type"] = token.Type;
        request.ApplicationProperties["name"] = audience;
        request.ApplicationProperties["expiration"] = token.ExpiresAt.UtcDateTime;
        var answer = await _claims.AskAsync(request, _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
        if (answer.ApplicationProperties?["status-code"] is not (200 or 202))
        {
            throw new BusUnavailableException($"The bus refused the token for '{address}': {answer.ApplicationProperties?["status-description"]}");
        }

        _authorized[address] = token.ExpiresAt;
    }

    /// <summary>When a token ends the service drops the links that stand on it, so each is renewed with a third of its life left.</summary>
    private async Task RenewTokensAsync()
    {
        var interval = TimeSpan.FromTicks(Math.Min(_options.TokenLifetime.Ticks / 12, TimeSpan.FromMinutes(1).Ticks));
        using var timer = new PeriodicTimer(interval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_closing.Token).ConfigureAwait(false))
            {
                foreach (var (address, _) in _authorized.Where(a => a.Value - _time.GetUtcNow() < _options.TokenLifetime / 3))
                {
                    await PutTokenAsync(address, _closing.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // The connection has ended.
        }
        catch (Exception)
        {
            // Whatever it was, without fresh tokens the connection is worth nothing: a new one begins anew.
            Abort(_connection);
        }
    }

    /// <summary>Asks `{entity}/$management`.</summary>
    public async Task<Message> AskAsync(string entity, Message request, CancellationToken cancellationToken)
    {
        var node = _nodes.GetOrAdd(entity, e => new Lazy<Task<RequestClient>>(() => OpenNodeAsync(e)));
        RequestClient client;
        try
        {
            client = await node.Value.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (BusUnavailableException)
        {
            _nodes.TryRemove(KeyValuePair.Create(entity, node));
            throw;
        }

        if (!client.IsOpen)
        {
            _nodes.TryRemove(KeyValuePair.Create(entity, node));
            throw new BusUnavailableException($"The bus closed '{entity}/$management'.");
        }

        return await client.AskAsync(request, _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
    }

    private async Task<RequestClient> OpenNodeAsync(string entity)
    {
        var address = entity + "/$management";
        await AuthorizeAsync(address, _closing.Token).ConfigureAwait(false);
        return await RequestClient.OpenAsync(Session, address, _options.ConnectTimeout, _closing.Token).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _connection.CloseAsync(TimeSpan.FromSeconds(1), null).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AmqpException or TimeoutException or IOException or ObjectDisposedException)
        {
            // It was gone already.
        }

        _closing.Cancel();
    }

    /// <summary>The mechanism of clients that prove themselves by tokens afterwards.</summary>
    private sealed class ClaimsBasedSasl() : SaslProfile(new Symbol("MSSBCBS"))
    {
        protected override ITransport UpgradeTransport(ITransport transport) => transport;

        protected override DescribedList GetStartCommand(string hostname) => new SaslInit { Mechanism = Mechanism, HostName = hostname };

        protected override DescribedList? OnCommand(DescribedList command) => null;
    }
}
