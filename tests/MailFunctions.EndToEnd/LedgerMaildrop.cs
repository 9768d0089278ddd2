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
    private string? _page;

    /// <summary>Looks until all are there or the time is over, and gives those that are not.</summary>
    public async Task<IReadOnlyList<string>> WaitForAsync(IReadOnlyCollection<string> expected, TimeSpan limit)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(LooksEvery, TestContext.Current.CancellationToken))
        {
            while (await TryReadPageAsync())
            {
            }

            IReadOnlyList<string> missing = [.. expected.Where(id => !_seen.Contains(id))];
            if (missing.Count == 0 || Stopwatch.GetElapsedTime(started) > limit)
            {
                return missing;
            }
        }
    }

    /// <summary>Reads the page that was the last one so far. True: another follows it.</summary>
    private async Task<bool> TryReadPageAsync()
    {
        try
        {
            var after = _page is null ? "" : $"&continuation={Uri.EscapeDataString(_page)}";
            using var answer =
                await admin.GetAsync(
                    string.Create(CultureInfo.InvariantCulture, $"accounts/{stack.Bob.Address}/messages?top={Page}{after}"));
            if ((int)answer.StatusCode >= 500)
            {
                return false; // a process is away that the answer needs
            }

            answer.EnsureSuccessStatusCode();
            using var page = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
            _seen.UnionWith(
                page.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("subject").GetString()!));
            var next = page.RootElement.TryGetProperty("continuation", out var continuation) ? continuation.GetString() : null;
            _page = next ?? _page;
            return next is not null;
        }
        catch (Exception e) when (e is HttpRequestException { StatusCode: null } or OperationCanceledException)
        {
            return false;
        }
    }
}
