using System.Net;
using System.Net.Security;
using MailKit.Security;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>
/// Our side of one SMTP session, up to its transactions (decision record 0056). Refusals are replies; exceptions are dead
/// connections.
/// </summary>
internal sealed class RelayClient(Stream stream) : IDisposable
{
    /// <summary>In the order they are tried; under TLS only, so that PLAIN shows the password to the peer alone.</summary>
    private static readonly string[] Logins = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"];

    private const int MaxLoginSteps = 6;

    /// <summary>For the reply to QUIT; the results are recorded after it.</summary>
    private static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(3);

    private readonly PeerConnection _connection = new(stream);

    public PeerExtensions Extensions { get; private set; } = PeerExtensions.None;

    public bool IsSecure => _connection.IsSecure;

    /// <summary>STARTTLS was sent, here or in the connection before; it is not tried again.</summary>
    public bool IsTlsTried { get; set; }

    /// <summary>
    /// A reply came under TLS. Before it, the peer may still refuse a handshake that is complete for us (RFC 8446 §4.4.4, §4.6.2).
    /// </summary>
    public bool IsTlsAnswered { get; private set; }

    /// <summary>The session can continue.</summary>
    public bool IsOpen { get; private set; } = true;

    /// <summary>An unfinished transaction is to be reset before the next one (RFC 5321 §4.1.4).</summary>
    public bool NeedsReset { get; set; }

    /// <summary>The reply to a command, or the greeting.</summary>
    public Task<PeerReply> ReadReplyAsync(CancellationToken cancellationToken) => AliveAsync(async () =>
    {
        var reply = await _connection.ReadReplyAsync(cancellationToken);
        IsOpen &= !reply.IsClosing;
        IsTlsAnswered = IsSecure;
        return reply;
    });

    /// <summary>RFC 5321 §4.1.1.1: EHLO, and HELO for peers without it.</summary>
    public async Task<PeerReply> HelloAsync(string name, CancellationToken cancellationToken)
    {
        NeedsReset = false;
        var hello = await CommandAsync("EHLO " + name, cancellationToken);
        Extensions = hello.IsPositive ? new PeerExtensions(hello) : PeerExtensions.None;
        return hello.IsPermanent ? await CommandAsync("HELO " + name, cancellationToken) : hello;
    }

    public Task<PeerReply> StartTlsAsync(CancellationToken cancellationToken)
    {
        IsTlsTried = true;
        return CommandAsync("STARTTLS", cancellationToken);
    }

    /// <summary>False: the handshake failed, and the session is over.</summary>
    public async Task<bool> SecureAsync(SslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        try
        {
            IsTlsTried = true;
            await _connection.SecureAsync(options, cancellationToken);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            IsOpen = false;
            return false;
        }
    }

    /// <summary>RFC 4954: the last reply; null when the peer offers no mechanism that we have.</summary>
    public async Task<PeerReply?> LoginAsync(string user, string password, CancellationToken cancellationToken)
    {
        PeerReply? reply = null;
        foreach (var name in Logins.Where(Extensions.Logins.Contains))
        {
            reply = await LoginAsync(SaslMechanism.Create(name, new NetworkCredential(user, password))!, cancellationToken);
            if (reply.Code is not (>= 500 and not 535))
            {
                break; // 535: another mechanism does not make a wrong password right
            }
        }

        return reply;
    }

    public async Task<PeerReply> CommandAsync(string command, CancellationToken cancellationToken)
    {
        await WriteAsync(System.Text.Encoding.UTF8.GetBytes(command + "\r\n"), cancellationToken);
        return await ReadReplyAsync(cancellationToken);
    }

    public Task WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken) => AliveAsync(async () =>
    {
        await _connection.WriteAsync(octets, cancellationToken);
        return 0;
    });

    /// <summary>Nothing more is sent: not even QUIT, which could end a message that was cut off.</summary>
    public void Abandon() => IsOpen = false;

    /// <summary>Sends QUIT where the session is still open.</summary>
    public async Task QuitAsync(CancellationToken cancellationToken)
    {
        if (IsOpen)
        {
            IsOpen = false;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(QuitTimeout);
            try
            {
                await CommandAsync("QUIT", limit.Token);
            }
            catch (Exception)
            {
                // The results are known already; a failure here changes nothing.
            }
        }
    }

    public void Dispose() => _connection.Dispose();

    private async Task<PeerReply> LoginAsync(SaslMechanism mechanism, CancellationToken cancellationToken)
    {
        var first = mechanism.SupportsInitialResponse ? " " + await mechanism.ChallengeAsync(null, cancellationToken) : "";
        var reply = await CommandAsync($"AUTH {mechanism.MechanismName}{first}", cancellationToken);
        for (var step = 0; reply.IsIntermediate && step < MaxLoginSteps; step++)
        {
            string answer;
            try
            {
                answer = await mechanism.ChallengeAsync(reply.Lines[^1].Trim(), cancellationToken);
            }
            catch (Exception e) when (e is SaslException or FormatException)
            {
                answer = "*"; // RFC 4954 §4: cancels the exchange
            }

            reply = await CommandAsync(answer, cancellationToken);
        }

        return reply;
    }

    private async Task<T> AliveAsync<T>(Func<Task<T>> use)
    {
        try
        {
            return await use();
        }
        catch
        {
            IsOpen = false;
            throw;
        }
    }
}
