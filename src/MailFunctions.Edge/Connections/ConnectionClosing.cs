using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace MailFunctions.Edge.Connections;

/// <summary>
/// The end of a connection: what was written last has <see cref="Limit"/> to leave, then the connection is cut off.
/// Without it one whose client reads nothing would stay for ever, with its memory, and be counted nowhere.
/// </summary>
internal sealed class ConnectionClosing(ConnectionContext context, TimeProvider time)
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LooksEvery = TimeSpan.FromMilliseconds(100);

    private ITimer? _timer;

    /// <summary>The session is over, and what is left to send may not find a reader.</summary>
    public void Begin() => _timer ??= time.CreateTimer(
        static state => ((ConnectionContext)state!).Abort(
            new ConnectionAbortedException("The client did not take the end of the session.")),
        context, Limit, Timeout.InfiniteTimeSpan);

    /// <summary>Closes the connection and waits until its socket is closed: only then its memory is free.</summary>
    public async Task CloseAsync()
    {
        await context.Transport.Output.CompleteAsync(); // the transport sends what is left, as a rule at once, and closes the socket
        var socket = context.Features.Get<IConnectionSocketFeature>()?.Socket;
        while (socket is { SafeHandle.IsClosed: false })
        {
            Begin();
            await Task.Delay(LooksEvery, time); // ConnectionClosed fires when the client has closed its own side only
        }

        if (_timer is not null)
        {
            await _timer.DisposeAsync();
        }
    }
}
