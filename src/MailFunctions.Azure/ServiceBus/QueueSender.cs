using Amqp;
using Amqp.Framing;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>The sending link of one queue, opened again when it was lost, with a bound on unsettled sends.</summary>
internal sealed class QueueSender(string queue, BusClient client) : IDisposable
{
    private const long UsualMaxOctets = 256 * 1024;

    private readonly SemaphoreSlim _unsettled = new(client.Options.MaxUnsettledSends);
    private readonly SemaphoreSlim _opening = new(1);
    private volatile SenderLink? _link;

    /// <summary>Largest transfer that the queue takes, octets; known once a link was open.</summary>
    public long MaxOctets { get; private set; } = UsualMaxOctets;

    /// <summary>Sends until the bus has settled it. Sending again after a loss is safe: duplicate detection knows the message id.</summary>
    /// <param name="make">Makes the message anew for each try.</param>
    /// <exception cref="BusUnavailableException">Not settled in time.</exception>
    public async Task SendAsync(Func<Message> make, CancellationToken cancellationToken)
    {
        await _unsettled.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await client.WithRetryAsync(
                async (connection, limited) =>
                {
                    var link = await OpenAsync(connection, limited).ConfigureAwait(false);
                    await TransferAsync(link, make(), limited).ConfigureAwait(false);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _unsettled.Release();
        }
    }

    /// <summary>Opens the link when there is none.</summary>
    public async Task<SenderLink> OpenAsync(BusConnection connection, CancellationToken cancellationToken)
    {
        if (_link is { IsClosed: false } link && link.Session == connection.Session)
        {
            return link;
        }

        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_link is { IsClosed: false } opened && opened.Session == connection.Session)
            {
                return opened;
            }

            await connection.AuthorizeAsync(queue, cancellationToken).ConfigureAwait(false);
            var opening = new LinkOpening();
            var created = new SenderLink(
                connection.Session, $"{queue}-{Guid.NewGuid():N}", new Attach { Target = new Target { Address = queue }, Source = new Source() }, opening.OnAttached);
            var attach = await opening.WaitAsync(created, queue, client.Options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
            MaxOctets = attach.MaxMessageSize is > 0 and <= int.MaxValue ? (long)attach.MaxMessageSize : UsualMaxOctets;
            return _link = created;
        }
        finally
        {
            _opening.Release();
        }
    }

    private static async Task TransferAsync(SenderLink link, Message message, CancellationToken cancellationToken)
    {
        var settled = new TaskCompletionSource<Outcome?>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            link.Send(message, static (_, _, outcome, state) => ((TaskCompletionSource<Outcome?>)state).TrySetResult(outcome), settled);
        }
        catch (AmqpException e)
        {
            throw new BusUnavailableException("The bus closed the link: " + e.Error.Description, e);
        }

        var outcome = await settled.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        switch (outcome)
        {
            case Accepted:
                return;
            case Rejected { Error: { } error } when !link.IsClosed && !IsPassing(error.Condition):
                throw new BusRefusedException($"The bus refused the message: {error.Condition} {error.Description}");
            default:
                throw new BusUnavailableException("The connection to the bus was lost before it settled the message.");
        }
    }

    /// <summary>
    /// Whether a rejection speaks of the way to the bus, or of its state now, and not of the message. On a loss the library makes
    /// up rejections of what was not settled, and may do so before it says that the link is closed.
    /// </summary>
    internal static bool IsPassing(string? condition) => condition switch
    {
        "amqp:link:message-size-exceeded" => false,
        "amqp:internal-error" or "amqp:resource-limit-exceeded" or "com.microsoft:server-busy" or "com.microsoft:timeout" => true,
        not null => condition.StartsWith("amqp:connection:", StringComparison.Ordinal)
            || condition.StartsWith("amqp:session:", StringComparison.Ordinal)
            || condition.StartsWith("amqp:link:", StringComparison.Ordinal),
        null => true,
    };

    public void Dispose()
    {
        _unsettled.Dispose();
        _opening.Dispose();
    }
}

/// <summary>The bus answered, and said no: trying again would not help.</summary>
internal sealed class BusRefusedException(string message) : BusUnavailableException(message);
