using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Stats;

/// <summary>The stretch of time that is summed; null: not said, or none.</summary>
internal sealed record StatsBucket(TimeSpan? Width, bool IsWrong) : IQueryValue
{
    public static readonly TimeSpan Default = TimeSpan.FromMinutes(1);

    private static readonly Dictionary<string, TimeSpan> Widths = new()
    {
        ["1m"] = Default,
        ["5m"] = TimeSpan.FromMinutes(5),
        ["15m"] = TimeSpan.FromMinutes(15),
        ["1h"] = TimeSpan.FromHours(1),
        ["1d"] = TimeSpan.FromDays(1),
    };

    public static bool TryParse(string? text, out StatsBucket bucket)
    {
        var isWidth = Widths.TryGetValue(text ?? "", out var width);
        bucket = new StatsBucket(isWidth ? width : null, !isWidth && !string.IsNullOrEmpty(text));
        return true;
    }

    public string? Fault(HttpRequest request) => IsWrong ? $"Use one of {string.Join(", ", Widths.Keys)}." : null;
}
