using System.Diagnostics;
using System.Globalization;
using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;

namespace MailFunctions.Benchmarks;

/// <summary>
/// Logins over POP3S to the real edge: those that are not remembered (many sessions of one account at once; a poll of many
/// accounts right after a start), remembered ones, app passwords, and failures of five kinds. Edge and clients are one
/// process, so its processor time has the clients' TLS in it: the row of remembered logins says how much that is.
/// Exit code 1 when a login that had to succeed did not.
/// </summary>
internal static class Logins
{
    private const string Password = "correct horse battery";

    // Only what is measured slows a login.
    private static readonly string[] Unthrottled =
        ["--Login:FreeFailuresPerAccount=1000000", "--Login:FreeFailuresPerClient=1000000", "--Login:FailureDelay=00:00:00"];

    private static bool _good = true;

    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args, new()
        {
            ["herd"] = "20",
            ["accounts"] = "600",
            ["per-second"] = "100",
            ["failures"] = "200",
            ["guesses"] = "100",
        });
        var (herd, accounts, rate) = (Number(options["herd"]), Number(options["accounts"]), Number(options["per-second"]));
        var (failures, guesses) = (Number(options["failures"]), Number(options["guesses"]));
        Console.Error.WriteLine($"deriving the verifiers of {accounts} accounts");
        var many = Enumerable.Range(0, accounts).AsParallel().Select(i => Account($"user{i}", $"{Password} {i}")).ToList();
        Console.WriteLine(
            "| load | logins | refused, come again | p50 | p95 | longest | all of it | processor |\n|---|---|---|---|---|---|---|---|");
        await HerdAsync(herd);
        await PollAsync(many, rate);
        await AppPasswordsAsync();
        await AppPasswordPollAsync(accounts, rate);
        await GuessesAsync(guesses);
        Console.WriteLine();
        Console.WriteLine("| failed login | p10 | p50 | p90 |\n|---|---|---|---|");
        await FailuresAsync(failures);
        return _good ? 0 : 1;
    }

    private static async Task HerdAsync(int sessions)
    {
        using var kept = new LoginEdge.Kept();
        await using var edge = await LoginEdge.StartAsync([Account("alice", Password)], kept, Unthrottled);
        await MeasureAsync($"{sessions} sessions of one account at once, after a start", sessions, perSecond: 0, i => edge.LogInAsync(
            "alice@bench.test", Password));
    }

    /// <summary>Two starts: the second edge finds what the first one kept, as a restarted one and another replica do.</summary>
    private static async Task PollAsync(List<AccountEntry> accounts, int rate)
    {
        using var kept = new LoginEdge.Kept();
        await using (var edge = await LoginEdge.StartAsync(accounts, kept, Unthrottled))
        {
            await MeasureAsync(
                $"{accounts.Count} accounts, {rate}/s, after the first start", accounts.Count, rate, i => PollAsync(edge, i));
            for (var again = 0; again < 20; again++)
            {
                var logins = await Task.WhenAll(Enumerable.Range(0, accounts.Count).Select(i => PollAsync(edge, i)));
                if (!logins.Any(l => l.IsTemporary))
                {
                    break; // all are remembered
                }
            }

            await MeasureAsync("the same again: remembered", accounts.Count, rate, i => PollAsync(edge, i));
        }

        await using var next = await LoginEdge.StartAsync(accounts, kept, Unthrottled);
        await MeasureAsync("the same after a restart", accounts.Count, rate, i => PollAsync(next, i));

        Task<Login> PollAsync(LoginEdge edge, int i) => edge.LogInAsync(accounts[i].Address.ToString(), $"{Password} {i}");
    }

    private static async Task AppPasswordsAsync()
    {
        using var kept = new LoginEdge.Kept();
        var (account, passwords) = WithAppPasswords("alice", 5);
        await using var edge = await LoginEdge.StartAsync([account], kept, Unthrottled);
        for (var i = 0; i < passwords.Count; i++)
        {
            await MeasureAsync($"app password {i + 1} of {passwords.Count}", 1, 0, _ => edge.LogInAsync("alice@bench.test", passwords[i]));
        }
    }

    private static async Task AppPasswordPollAsync(int accounts, int rate)
    {
        using var kept = new LoginEdge.Kept();
        var made = WithAppPasswords("any", 1); // one for all of them, as each costs the same
        var entries = Enumerable.Range(0, accounts)
            .Select(i => made.Account with { Address = AddressOf($"user{i}"), MailboxId = $"user{i}" }).ToList();
        await using var edge = await LoginEdge.StartAsync(entries, kept, Unthrottled);
        await MeasureAsync($"{accounts} accounts by app password, {rate}/s, after a start", accounts, rate, i => edge.LogInAsync(
            entries[i].Address.ToString(), made.Passwords[0]));
    }

    /// <summary>
    /// One client guesses names, all at once and with the throttle that is usual; another one logs in for the first time.
    /// </summary>
    private static async Task GuessesAsync(int names)
    {
        using var kept = new LoginEdge.Kept();
        await using var edge = await LoginEdge.StartAsync([Account("alice", Password)], kept);
        var guesser = new IPAddress([127, 0, 0, 9]);
        var guesses = Enumerable.Range(0, names)
            .Select(i => Task.Run(() => edge.LogInAsync($"made-up-{i}@bench.test", Password, guesser))).ToList();
        await Task.WhenAny(guesses); // the first has its answer, so the rest is under way
        await MeasureAsync(
            $"another client's login beside {names} made-up names", 1, 0, _ => edge.LogInAsync("alice@bench.test", Password));
        _good &= (await Task.WhenAll(guesses)).All(g => !g.Succeeded);
    }

    private static async Task FailuresAsync(int count)
    {
        using var kept = new LoginEdge.Kept();
        var (withFive, _) = WithAppPasswords("five", 5);
        var plain = Account("plain", Password);
        // A disabled one for each attempt: the right password of one and the same would be known as wrong from the second on.
        var disabled = Enumerable.Range(0, count).Select(i => plain with { Address = AddressOf($"disabled{i}"), Enabled = false });
        AccountEntry[] accounts = [plain, withFive, Account("without", Password) with { Password = null }, .. disabled];
        await using var edge = await LoginEdge.StartAsync(accounts, kept, Unthrottled);
        (string Kind, Func<int, string> Name, Func<int, string> Password)[] kinds =
        [
            ("wrong password", _ => "plain", i => $"wrong password {i}"),
            ("wrong password, 5 app passwords", _ => "five", i => $"wrong password {i}"),
            ("disabled account, right password", i => $"disabled{i}", _ => Password),
            ("account without a password", _ => "without", i => $"wrong password {i}"),
            ("unknown account", _ => "unknown", i => $"wrong password {i}"),
        ];
        var times = kinds.Select(_ => new List<double>()).ToArray();
        for (var i = 0; i < count; i++)
        {
            for (var k = 0; k < kinds.Length; k++) // in turn, so that what changes with time is the same for all
            {
                var login = await edge.LogInAsync(kinds[k].Name(i) + "@bench.test", kinds[k].Password(i));
                _good &= !login.Succeeded;
                times[k].Add(login.Took.TotalMilliseconds);
            }
        }

        foreach (var (kind, took) in kinds.Zip(times))
        {
            Console.WriteLine($"| {kind.Kind} | {At(took, 0.1)} | {At(took, 0.5)} | {At(took, 0.9)} |");
        }
    }

    /// <param name="perSecond">0: all at once.</param>
    private static async Task MeasureAsync(string load, int count, int perSecond, Func<int, Task<Login>> logIn)
    {
        var (began, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var running = new List<Task<Login>>();
        for (var i = 0; i < count; i++)
        {
            var login = i;
            running.Add(Task.Run(() => logIn(login)));
            if (perSecond > 0 && TimeSpan.FromSeconds((i + 1.0) / perSecond) - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } early)
            {
                await Task.Delay(early);
            }
        }

        var logins = await Task.WhenAll(running);
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var times = logins.Where(l => l.Succeeded).Select(l => l.Took.TotalMilliseconds).ToList();
        _good &= logins.All(l => l.Succeeded || l.IsTemporary) && times.Count > 0;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {load} | {times.Count} | {logins.Count(l => l.IsTemporary)} | {At(times, 0.5)} | {At(times, 0.95)} | {At(times, 1)} | "
                + $"{took:0.0} s | {(Environment.CpuUsage.TotalTime - cpu).TotalSeconds:0.0} s |"));
    }

    private static string At(List<double> milliseconds, double share)
    {
        double[] sorted = [.. milliseconds.Order()];
        return sorted.Length == 0
            ? "–"
            : string.Create(CultureInfo.InvariantCulture, $"{sorted[Math.Min((int)(sorted.Length * share), sorted.Length - 1)]:#,0} ms");
    }

    private static AccountEntry Account(string name, string password) => new()
    {
        Address = AddressOf(name),
        MailboxId = name,
        Password = ScramVerifier.Create(password),
    };

    private static (AccountEntry Account, List<string> Passwords) WithAppPasswords(string name, int count)
    {
        var made = Enumerable.Range(0, count).Select(_ => GeneratedPassword.Create([])).ToList();
        var account = Account(name, Password) with
        {
            AppPasswords = [.. made.Select(m => new AppPassword(m.Id, "device", m.Verifier, DateTimeOffset.UnixEpoch))],
        };
        return (account, [.. made.Select(m => m.Password)]);
    }

    private static EmailAddress AddressOf(string name) => EmailAddress.Parse(name + "@bench.test")!;

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
