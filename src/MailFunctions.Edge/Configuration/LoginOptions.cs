using System.Globalization;

namespace MailFunctions.Edge.Configuration;

/// <summary>Section `Login`: how credentials are checked and guessing is slowed.</summary>
internal sealed class LoginOptions
{
    public const string Section = "Login";

    /// <summary>Attempts are not held back for longer: clients wait no longer for an answer than this and some.</summary>
    public static readonly TimeSpan LongestFailureDelay = TimeSpan.FromSeconds(10);

    /// <summary>Failures of one client before it has to wait.</summary>
    public int FreeFailuresPerClient { get; set; } = 10;

    /// <summary>Failures for one account before it has to wait.</summary>
    public int FreeFailuresPerAccount { get; set; } = 5;

    /// <summary>
    /// How long the first attempt after a failure is held back, of the same client or account; doubled by each further one.
    /// </summary>
    public TimeSpan FailureDelay { get; set; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest wait between attempts.</summary>
    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>A count without a new failure is forgotten after this.</summary>
    public TimeSpan ForgetFailuresAfter { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Clients and accounts counted at once.</summary>
    public int MaxTrackedFailures { get; set; } = 100_000;

    /// <summary>
    /// A checked password is remembered this long after its last use, so that polling clients cost no derivation each; so is
    /// the address that it came from, which others' guesses don't hold back.
    /// </summary>
    public TimeSpan RememberFor { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Passwords remembered at once.</summary>
    public int MaxRemembered { get; set; } = 50_000;

    /// <summary>What derivations may take of the processors, from 0.05 to 1.</summary>
    public double ProcessorShare { get; set; } = 0.5;

    /// <summary>Derivations that may wait for their turn, and as many again of clients that logged in lately; more are refused.</summary>
    public int MaxWaiting { get; set; } = 1000;

    /// <summary>A derivation that would wait longer for its turn than this, by those before it, is refused at once.</summary>
    public TimeSpan LongestWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest that a disabled account or a revoked password is still honoured.</summary>
    public TimeSpan DirectoryCacheTime { get; set; } = TimeSpan.FromSeconds(20);

    public IEnumerable<string> Faults()
    {
        if (DirectoryCacheTime < TimeSpan.Zero || DirectoryCacheTime > TimeSpan.FromSeconds(30))
        {
            yield return $"Login__DirectoryCacheTime: {DirectoryCacheTime} is out of range; use 00:00:00 to 00:00:30.";
        }

        if (RememberFor <= TimeSpan.Zero || RememberFor > TimeSpan.FromDays(30))
        {
            yield return $"Login__RememberFor: {RememberFor} is out of range; use more than zero and at most 30 days.";
        }

        if (LongestWait < TimeSpan.FromSeconds(1) || LongestWait > TimeSpan.FromMinutes(5))
        {
            yield return $"Login__LongestWait: {LongestWait} is out of range; use 00:00:01 to 00:05:00.";
        }

        if (ProcessorShare is not (>= 0.05 and <= 1))
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"Login__ProcessorShare: {ProcessorShare} is out of range; use 0.05 to 1.");
        }

        if (ForgetFailuresAfter <= TimeSpan.Zero)
        {
            yield return $"Login__ForgetFailuresAfter: {ForgetFailuresAfter} must be more than zero.";
        }

        if (FailureDelay < TimeSpan.Zero || FailureDelay > LongestFailureDelay)
        {
            yield return $"Login__FailureDelay: {FailureDelay} is out of range; use 00:00:00 to {LongestFailureDelay}.";
        }

        if (MaxDelay <= TimeSpan.Zero || MaxDelay > TimeSpan.FromDays(1))
        {
            yield return $"Login__MaxDelay: {MaxDelay} is out of range; use more than zero and at most one day.";
        }

        if (FreeFailuresPerClient < 1 || FreeFailuresPerAccount < 1 || MaxTrackedFailures < 1 || MaxRemembered < 1 || MaxWaiting < 1)
        {
            yield return "Login: FreeFailuresPerClient, FreeFailuresPerAccount, MaxTrackedFailures, MaxRemembered and MaxWaiting "
                + "must be 1 or more.";
        }
    }
}
