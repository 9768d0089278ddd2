using System.Globalization;
using Microsoft.AspNetCore.Mvc;

namespace MailFunctions.Functions.Api;

/// <summary>`?top=&amp;continuation=` of a list.</summary>
internal sealed record PageQuery
{
    public required HttpRequest Request { get; init; }

    [FromQuery(Name = "top")]
    public PageSize? Size { get; init; }

    [FromQuery(Name = "continuation")]
    public Continuation? Continuation { get; init; }

    public int Top => Size?.Value ?? PageSize.Default;

    /// <summary>Where the page begins, as the list's own code knows it; null at the first page.</summary>
    public string? Position => Continuation?.Position;

    public ListAnswer<T> Answer<T>(IReadOnlyList<T> items, string? next) => new(items, Next(next));

    /// <summary>What the caller continues with; null at the last page.</summary>
    public string? Next(string? position) => Continuation.Write(Request, position);
}

/// <summary>`?from=&amp;to=`: a window of time.</summary>
internal sealed record WindowQuery
{
    [FromQuery(Name = "from")]
    public QueryTime? From { get; init; }

    [FromQuery(Name = "to")]
    public QueryTime? To { get; init; }

    /// <summary>The window, with what it is where nothing was said.</summary>
    public (DateTimeOffset From, DateTimeOffset To) Or(DateTimeOffset end, TimeSpan length)
    {
        var to = To?.At ?? end;
        return (From?.At ?? to - length, to);
    }

    /// <summary>The fault of a window that is too long, or ends before it begins.</summary>
    public static IResult TooLong(int maxDays, string also = "") => ApiProblems.Invalid(
        "from", string.Create(CultureInfo.InvariantCulture, $"Use a time before `to`, by {maxDays} days{also} at most."));
}
