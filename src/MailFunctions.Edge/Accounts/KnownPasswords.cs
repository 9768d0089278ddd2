using MailFunctions.Core.Accounts;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Accounts;

/// <summary>
/// What was derived a while ago. A right password is remembered as long as it is used, bound to the verifier it matched: the
/// directory is asked at each login all the same, and a changed or revoked verifier is never found here (design §3.6). A
/// wrong one is known for as long as failures count, bound to the account's version.
/// </summary>
internal sealed class KnownPasswords : IDisposable
{
    private static readonly object Present = new();

    private readonly PasswordTags _tags = new();
    private readonly LoginOptions _options;
    private readonly MemoryCache _right;
    private readonly MemoryCache _wrong;

    public KnownPasswords(IOptions<LoginOptions> options, TimeProvider time)
    {
        _options = options.Value;
        _right = new MemoryCache(new MemoryCacheOptions { SizeLimit = _options.MaxRemembered, Clock = new CacheClock(time) });
        _wrong = new MemoryCache(new MemoryCacheOptions { SizeLimit = _options.MaxTrackedFailures, Clock = new CacheClock(time) });
    }

    public bool IsRight(ScramVerifier verifier, string prepared) => _right.TryGetValue(_tags.OfMatch(verifier, prepared), out _);

    public void AddRight(ScramVerifier verifier, string prepared) =>
        _right.Set(
            _tags.OfMatch(verifier, prepared), Present, new MemoryCacheEntryOptions { Size = 1, SlidingExpiration = _options.RememberFor });

    /// <summary>The name of a guess, by which the same one is known again.</summary>
    public UInt128 GuessOf(string name, string version, string prepared) => _tags.OfGuess(name, version, prepared);

    public bool IsWrong(UInt128 guess) => _wrong.TryGetValue(guess, out _);

    public void AddWrong(UInt128 guess) =>
        _wrong.Set(
            guess, Present, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = _options.ForgetFailuresAfter });

    public void Dispose()
    {
        _right.Dispose();
        _wrong.Dispose();
    }
}
