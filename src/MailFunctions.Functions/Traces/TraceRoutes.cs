using System.Globalization;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Http.HttpResults;

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
        .WithSummary("Tells the story of a message by ?id= (also its Message-ID), or of an address by ?address=&from=&to=, with ?stories=true whole");

    private static async Task<IResult> GetAsync(HttpRequest request, ITraceReader traces, TimeProvider time, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        var (id, address) = (request.Query["id"].ToString(), request.Query["address"].ToString());
        return (id.Length, address.Length) switch
        {
            (0, 0) or ( > 0, > 0) => ApiProblems.Invalid("id", "Give either id or address."),
            ( > MaxMessageId, _) => ApiProblems.Invalid("id", $"Use at most {MaxMessageId} characters."),
            ( > 0, _) => await ByIdAsync(id, request, top, continuation, traces, cancellationToken),
            _ => await ByAddressAsync(address, request, top, continuation, traces, time, cancellationToken),
        };
    }

    private static async Task<IResult> ByIdAsync(
        string id, HttpRequest request, int top, string? continuation, ITraceReader traces, CancellationToken cancellationToken)
    {
        if (Guid.TryParseExact(id, "D", out _))
        {
            return Answer(request, await traces.ByMessageAsync(id.ToLowerInvariant(), top, continuation, cancellationToken));
        }

        var copies = await traces.FindMessagesAsync(id.Trim().TrimStart('<').TrimEnd('>'), MaxCopies, cancellationToken);
        if (copies is [var only])
        {
            return Answer(request, await traces.ByMessageAsync(only, top, continuation, cancellationToken));
        }

        // Several messages bear that Message-ID: the stories one after the other, of each its first page.
        var stories = await Task.WhenAll(copies.Select(c => traces.ByMessageAsync(c, top, null, cancellationToken)));
        return TypedResults.Ok(new ListAnswer<TraceAnswer>([.. stories.SelectMany(s => s.Items).Take(top).Select(TraceAnswer.Of)], null));
    }

    private static async Task<IResult> ByAddressAsync(
        string text, HttpRequest request, int top, string? continuation, ITraceReader traces, TimeProvider time, CancellationToken cancellationToken)
    {
        var faults = new Faults();
        if (EmailAddress.ParseReversePath(text) is not { } address)
        {
            return ApiProblems.Invalid("address", "This is not an address.");
        }

        var to = ApiRequests.ReadTime(request, "to", time.GetUtcNow(), faults);
        var from = ApiRequests.ReadTime(request, "from", to.AddDays(-1), faults);
        if (!faults.Any && (from > to || to - from > TimeSpan.FromDays(MaxDays)))
        {
            faults.Add("from", string.Create(CultureInfo.InvariantCulture, $"Use a time before `to`, by {MaxDays} days at most."));
        }

        if (ApiRequests.ReadFlag(request, "stories", out var whole) is { } malformed)
        {
            return malformed;
        }

        if (faults.Any)
        {
            return ApiProblems.Invalid(faults);
        }

        top = whole ? Math.Min(top, MaxStories) : top;
        var page = await traces.ByAddressAsync(address.ToCanonicalString(), from, to, top, continuation, cancellationToken);
        return Answer(request, whole ? page with { Items = await StoriesAsync(page.Items, traces, cancellationToken) } : page);
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

    private static Ok<ListAnswer<TraceAnswer>> Answer(HttpRequest request, Core.Directory.Page<TraceEvent> page) =>
        TypedResults.Ok(new ListAnswer<TraceAnswer>([.. page.Items.Select(TraceAnswer.Of)], Continuations.Write(request, page.Continuation)));
}
