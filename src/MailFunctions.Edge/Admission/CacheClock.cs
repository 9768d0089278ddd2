using Microsoft.Extensions.Internal;

namespace MailFunctions.Edge.Admission;

/// <summary>The clock of a memory cache, by our own time.</summary>
internal sealed class CacheClock(TimeProvider time) : ISystemClock
{
    public DateTimeOffset UtcNow => time.GetUtcNow();
}
