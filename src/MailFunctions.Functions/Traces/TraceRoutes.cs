using MailFunctions.Core.Addresses;
using MailFunctions.Core.Storage;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace MailFunctions.Functions.Traces;

/// <summary>One step on a message's way.</summary>
internal sealed record TraceAnswer(
    string MessageId, DateTimeOffset At, string Kind, IReadOnlyList<string> Addresses, string? Detail, string? InternetMessageId)
{
    public static TraceAnswer Of(TraceEvent e) => new(e.MessageId, e.At, e.Kind, e.Addresses, e.Detail, e.InternetMessageId);
}

/// <summary>`GET /api/traces`: the story of a message, or of an address in a time window.</summary>
internal static class TraceRoutes
{
    public const int MaxDays = 31;
    private const int MaxMessageId = 998;

    /// <summary>Messages of one Message-ID: copies of one message, by several ways.</summary>
    private const int MaxCopies = 20;

    /// <summary>How many messages have their stories read along.</summary>
    private const int MaxStories = 100;
    private const int MaxEvents = 200;
    private const int ReadsAtOnce = 8;

    public static void MapTraces(this IEndpointRouteBuilder routes) => routes.MapGet("/api/traces", GetAsync).WithTags("Traces")
        .Produces<ListAnswer<TraceAnswer>>().ProducesValidationProblem()
        .WithSummary(
            "Gives the story of a message by ?id= (also its Message-ID), or of an address by "
            + "?address=&from=&to=, with ?stories=true whole");

    private static Task<IResult> GetAsync(
        [AsParameters] TraceQuery asked, [AsParameters] WindowQuery window, [AsParameters] PageQuery page, ITraceReader traces,
        TimeProvider time,
        CancellationToken cancellationToken) => (asked.Id?.Length ?? 0, asked.Address?.Length ?? 0) switch
        {
            (0, 0) or ( > 0, > 0) => Task.FromResult(ApiProblems.Invalid("id", "Give either id or address.")),
            ( > MaxMessageId, _) => Task.FromResult(ApiProblems.Invalid("id", $"Use at most {MaxMessageId} characters.")),
            ( > 0, _) => ByIdAsync(asked.Id!, page, traces, cancellationToken),
            _ => ByAddressAsync(asked, window.Or(time.GetUtcNow(), TimeSpan.FromDays(1)), page, traces, cancellationToken),
        };

    private static async Task<IResult> ByIdAsync(string id, PageQuery query, ITraceReader traces, CancellationToken cancellationToken)
    {
        if (Guid.TryParseExact(id, "D", out _))
        {
            return Answer(query, await traces.ByMessageAsync(id.ToLowerInvariant(), query.Top, query.Position, cancellationToken));
        }

        var copies = await traces.FindMessagesAsync(id.Trim().TrimStart('<').TrimEnd('>'), MaxCopies, cancellationToken);
        if (copies is [var only])
        {
            return Answer(query, await traces.ByMessageAsync(only, query.Top, query.Position, cancellationToken));
        }

        // Several messages bear that Message-ID: the stories one after the other, of each its first page.
        var stories = await Task.WhenAll(copies.Select(c => traces.ByMessageAsync(c, query.Top, null, cancellationToken)));
        return TypedResults.Ok(
            query.Answer<TraceAnswer>([.. stories.SelectMany(s => s.Items).Take(query.Top).Select(TraceAnswer.Of)], null));
    }

    private static async Task<IResult> ByAddressAsync(
        TraceQuery asked, (DateTimeOffset From, DateTimeOffset To) window, PageQuery query, ITraceReader traces,
        CancellationToken cancellationToken)
    {
        if (EmailAddress.ParseReversePath(asked.Address!) is not { } address)
        {
            return ApiProblems.Invalid("address", "This is not an address.");
        }

        var (from, to) = window;
        if (from > to || to - from > TimeSpan.FromDays(MaxDays))
        {
            return WindowQuery.TooLong(MaxDays);
        }

        var whole = asked.Stories is { Value: true };
        var top = whole ? Math.Min(query.Top, MaxStories) : query.Top;
        var page = await traces.ByAddressAsync(address.ToCanonicalString(), from, to, top, query.Position, cancellationToken);
        return Answer(query, whole ? page with { Items = await StoriesAsync(page.Items, traces, cancellationToken) } : page);
    }

    /// <summary>All events of the messages that some are of: what became of a message stands under its recipients.</summary>
    private static async Task<IReadOnlyList<TraceEvent>> StoriesAsync(
        IReadOnlyList<TraceEvent> found, ITraceReader traces, CancellationToken cancellationToken)
    {
        var stories = new List<TraceEvent>();
        foreach (var messages in found.Select(e => e.MessageId).Distinct().Chunk(ReadsAtOnce))
        {
            var some = await Task.WhenAll(messages.Select(m => traces.ByMessageAsync(m, MaxEvents, null, cancellationToken)));
            stories.AddRange(some.SelectMany(s => s.Items));
        }

        return stories;
    }

    private static Ok<ListAnswer<TraceAnswer>> Answer(PageQuery query, ListPage<TraceEvent> page) =>
        TypedResults.Ok(query.Answer<TraceAnswer>([.. page.Items.Select(TraceAnswer.Of)], page.Continuation));

    /// <summary>Of a message, or of an address.</summary>
    internal sealed record TraceQuery
    {
        [FromQuery(Name = "id")]
        public string? Id { get; init; }

        [FromQuery(Name = "address")]
        public string? Address { get; init; }

        [FromQuery(Name = "stories")]
        public QueryFlag? Stories { get; init; }
    }
}
