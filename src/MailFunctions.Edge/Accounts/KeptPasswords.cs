using System.Threading.Channels;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Messages;
using MailFunctions.Edge.Tls;

namespace MailFunctions.Edge.Accounts;

/// <summary>
/// Right passwords that were derived by another edge, or before a restart, so that a new edge does not derive those of all
/// polling clients again. Kept as names under a key made from the private key of the certificate, which no table holds;
/// without one nothing is kept. No login waits for a write.
/// </summary>
internal sealed class KeptPasswords(IPasswordProofs store, ServerCertificate certificate, TimeProvider time) : IHostedService, IDisposable
{
    /// <summary>Written again when it is older than this and used.</summary>
    public static readonly TimeSpan RenewAfter = TimeSpan.FromDays(7);

    private static readonly TimeSpan LastWrites = TimeSpan.FromSeconds(3);

    // Beyond its capacity proofs are dropped: each costs one derivation more, later.
    private readonly Channel<string> _writes =
        Channel.CreateBounded<string>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly CancellationTokenSource _end = new();
    private Task _writing = Task.CompletedTask;

    /// <summary>The verifier that the password is known to match, or null. Reads a row for each of them.</summary>
    public async ValueTask<ScramVerifier?> FindAsync(
        IReadOnlyList<ScramVerifier> verifiers, string prepared, CancellationToken cancellationToken)
    {
        if (certificate.PasswordKey() is not { } key)
        {
            return null;
        }

        try
        {
            foreach (var verifier in verifiers)
            {
                var name = PasswordProof.NameOf(key, verifier, prepared);
                if (await store.FindAsync(name, cancellationToken) is { } at && time.GetUtcNow() - at < PasswordProof.Lifetime)
                {
                    if (time.GetUtcNow() - at > RenewAfter)
                    {
                        _writes.Writer.TryWrite(name);
                    }

                    return verifier;
                }
            }
        }
        catch (StoreUnavailableException)
        {
            // Then it is derived.
        }

        return null;
    }

    public void Add(ScramVerifier verifier, string prepared)
    {
        if (certificate.PasswordKey() is { } key)
        {
            _writes.Writer.TryWrite(PasswordProof.NameOf(key, verifier, prepared));
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _writing = Task.Run(WriteAllAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Writes what is left, for <see cref="LastWrites"/> at most.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _writes.Writer.TryComplete();
        _end.CancelAfter(LastWrites);
        await _writing;
    }

    public void Dispose() => _end.Dispose();

    private async Task WriteAllAsync()
    {
        await foreach (var name in _writes.Reader.ReadAllAsync(CancellationToken.None))
        {
            try
            {
                await store.WriteAsync(name, time.GetUtcNow(), _end.Token);
            }
            catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
            {
                // Derived once more, later.
            }
        }
    }
}
