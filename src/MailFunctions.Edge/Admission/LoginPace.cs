using MailFunctions.Core.Accounts;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Admission;

/// <summary>`Pop3__LoginDelay`: the time between two POP3 logins of an account, as this replica has seen them.</summary>
internal sealed class LoginPace(IOptions<Pop3Options> options, TimeProvider time) : ILoginPace, IDisposable
{
    private readonly TimeSpan _delay = options.Value.LoginDelay;
    private readonly MemoryCache _logins = new(new MemoryCacheOptions { SizeLimit = 100_000 });

    public TimeSpan TryEnter(AuthenticatedAccount account)
    {
        if (_delay <= TimeSpan.Zero)
        {
            return TimeSpan.Zero;
        }

        var now = time.GetTimestamp();
        lock (_logins)
        {
            if (_logins.TryGetValue(account.MailboxId, out long last) && _delay - time.GetElapsedTime(last, now) is { Ticks: > 0 } left)
            {
                return left; // a refused one does not make the wait longer
            }

            _logins.Set(account.MailboxId, now, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = _delay });
            return TimeSpan.Zero;
        }
    }

    public void Dispose() => _logins.Dispose();
}
