using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Dkim;

/// <summary>The domain that signs for an author.</summary>
internal abstract record SigningDomain
{
    public sealed record Ours(string Name, IReadOnlyList<SigningKey> Keys) : SigningDomain;

    /// <summary>No domain of ours.</summary>
    public sealed record NotOurs : SigningDomain;

    /// <summary>The key store is unavailable.</summary>
    public sealed record Unavailable(string Reason) : SigningDomain;
}

/// <summary>The keys that domains sign with, remembered for a short time: one point read a domain and minute.</summary>
internal sealed partial class SigningDomains(
    IDirectoryReader directory, DkimKeyring keyring, TimeProvider time, ILogger<SigningDomains> logger)
{
    /// <summary>An activated selector is in use everywhere after this.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    /// <summary>An unavailable key store is asked again after this.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(15);

    private const int MaxRemembered = 1000;

    /// <summary>Labels taken off the author's domain: reports come from the server's own name.</summary>
    private const int MaxParents = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Remembered> _domains = [];

    /// <summary>False where no place for private keys is configured.</summary>
    public bool CanSign => keyring.CanMake;

    /// <summary>The author's domain, or the closest one above it that is ours.</summary>
    /// <exception cref="StoreUnavailableException">The directory can't be read.</exception>
    public async Task<SigningDomain> FindAsync(string author, CancellationToken cancellationToken)
    {
        var name = author;
        for (var parents = 0; parents <= MaxParents && name.Contains('.', StringComparison.Ordinal); parents++)
        {
            if (await GetAsync(name).WaitAsync(cancellationToken) is var found and not SigningDomain.NotOurs)
            {
                return found;
            }

            name = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
        }

        return new SigningDomain.NotOurs();
    }

    /// <summary>Concurrent lookups of one name share one read.</summary>
    private Task<SigningDomain> GetAsync(string name)
    {
        Remembered remembered;
        lock (_lock)
        {
            var before = _domains.GetValueOrDefault(name);
            if (before is not null && time.GetUtcNow() < before.Until && !before.IsFaulted)
            {
                remembered = before;
            }
            else
            {
                if (_domains.Count >= MaxRemembered)
                {
                    _domains.Clear();
                }

                remembered = new Remembered(time.GetUtcNow() + Fresh);
                remembered.Answer = new Lazy<Task<SigningDomain>>(() => LoadAsync(name, remembered, before?.Known));
                _domains[name] = remembered;
            }
        }

        return remembered.Answer!.Value;
    }

    private async Task<SigningDomain> LoadAsync(string name, Remembered remembered, SigningDomain.Ours? before)
    {
        if (await directory.FindDomainAsync(name, CancellationToken.None) is not { } domain)
        {
            return new SigningDomain.NotOurs();
        }

        try
        {
            domain = await keyring.EnsureAsync(domain, CancellationToken.None);
            var keys = new List<SigningKey>();
            foreach (var key in domain.DkimKeys.Where(k => k.State == DkimState.Active))
            {
                var known = before?.Keys.FirstOrDefault(k => k.Secret == key.Secret);
                if ((known ?? await keyring.FindAsync(key, CancellationToken.None)) is { } found)
                {
                    keys.Add(found);
                }
                else
                {
                    Log.KeyMissing(logger, key.Selector, name, key.Secret);
                }
            }

            return new SigningDomain.Ours(name, keys);
        }
        catch (StoreUnavailableException e)
        {
            remembered.Until = time.GetUtcNow() + Retry;
            return new SigningDomain.Unavailable($"the DKIM keys of {name} can't be had: {e.Message}");
        }
    }

    private sealed class Remembered(DateTimeOffset until)
    {
        public DateTimeOffset Until { get; set; } = until;

        public Lazy<Task<SigningDomain>>? Answer { get; set; }

        public bool IsFaulted => Answer is { IsValueCreated: true, Value.IsFaulted: true };

        /// <summary>Keys never change under their names: those that were read once need not be read again.</summary>
        public SigningDomain.Ours? Known => Answer is { IsValueCreated: true, Value: { IsCompletedSuccessfully: true } answer }
            ? answer.Result as SigningDomain.Ours
            : null;
    }

    private static partial class Log
    {
        [LoggerMessage(2501, LogLevel.Error,
            "The private key of selector {Selector} of {Domain} is missing ({Secret}): mail leaves unsigned; rotate the keys",
            EventName = "DkimKeyMissing")]
        public static partial void KeyMissing(ILogger logger, string selector, string domain, string secret);
    }
}
