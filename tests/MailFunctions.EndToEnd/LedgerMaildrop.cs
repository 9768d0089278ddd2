using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>
/// Which of the ledger's messages have been seen in Bob's mailbox, by their subject. Asked of the admin API: a POP3 session
/// that dies with the edge would keep its lock, which is not what is measured.
/// </summary>
internal sealed class LedgerMaildrop(StackJson stack, HttpClient admin)
{
    private const int Page = 1000;
    private static readonly TimeSpan LooksEvery = TimeSpan.FromMilliseconds(500);

    private readonly HashSet<string> _seen = [];
    private uint _lastUid;

    /// <summary>Looks until all are there or the time is over, and gives those that are not.</summary>
    public async Task<IReadOnlyList<string>> WaitForAsync(IReadOnlyCollection<string> expected, TimeSpan limit)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(LooksEvery, TestContext.Current.CancellationToken))
        {
            while (await TryLookAsync() == Page)
            {
            }

            IReadOnlyList<string> missing = [.. expected.Where(id => !_seen.Contains(id))];
            if (missing.Count == 0 || Stopwatch.GetElapsedTime(started) > limit)
            {
                return missing;
            }
        }
    }

    /// <summary>How many were new; none while a process is away that the answer needs.</summary>
    private async Task<int> TryLookAsync()
    {
        try
        {
            using var answer = await admin.GetAsync(string.Create(
                CultureInfo.InvariantCulture, $"accounts/{stack.Bob.Address}/messages?top={Page}&continuation={_lastUid}"));
            if (!answer.IsSuccessStatusCode)
            {
                return 0;
            }

            using var page = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
            var items = page.RootElement.GetProperty("items").EnumerateArray().ToList();
            foreach (var item in items)
            {
                _seen.Add(item.GetProperty("subject").GetString()!);
                _lastUid = item.GetProperty("uid").GetUInt32();
            }

            return items.Count;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return 0;
        }
    }
}
