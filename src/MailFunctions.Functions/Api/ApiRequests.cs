using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using MailFunctions.Core.Addresses;
using Microsoft.AspNetCore.Http.Features;

namespace MailFunctions.Functions.Api;

/// <summary>How the JSON of a body is read: more strictly than what answers are written by.</summary>
internal sealed record BodyJson(JsonSerializerOptions Options);

/// <summary>Reads the parts of an admin request, each with its bound.</summary>
internal static class ApiRequests
{
    public const int DefaultPage = 100;
    public const int MaxPage = 1000;
    private const int MaxBodyOctets = 256 * 1024;

    /// <summary>The JSON body, or the answer that says what is wrong with it.</summary>
    public static async Task<(T? Value, IResult? Fault)> ReadJsonAsync<T>(HttpRequest request)
        where T : class
    {
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBodyOctets;
        }

        if (!request.HasJsonContentType())
        {
            return (null, TypedResults.Problem("The body has to be application/json.", statusCode: StatusCodes.Status415UnsupportedMediaType));
        }

        var options = request.HttpContext.RequestServices.GetRequiredService<BodyJson>().Options;
        try
        {
            return await JsonSerializer.DeserializeAsync(request.Body, (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T)), request.HttpContext.RequestAborted) is { } value
                ? (value, null)
                : (null, ApiProblems.Invalid("body", "An object is expected, not null."));
        }
        catch (JsonException e)
        {
            return (null, ApiProblems.Invalid(e.Path is { Length: > 2 } path ? path[2..] : "body", Plain(e)));
        }
    }

    // The serializer's messages name our types; what the caller needs is the place and the rule.
    public static string Plain(JsonException e) => e switch
    {
        { Message: var m } when m.Contains("could not be mapped", StringComparison.Ordinal) => "There is no such field.",
        { Message: var m } when m.Contains("could not be converted", StringComparison.Ordinal) => "The value is not of the right type.",
        { Message: var m } when m.Contains("Duplicate", StringComparison.Ordinal) => "A field stands here twice.",
        { Message: var m } when m.Contains("required", StringComparison.Ordinal) => "A required field is missing: " + m[(m.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(),
        _ => $"This is not JSON (line {e.LineNumber + 1}, octet {e.BytePositionInLine + 1}).",
    };

    /// <summary>`?top=&amp;continuation=`.</summary>
    /// <param name="position">Where the page begins, as the list's own code knows it; null at the first page.</param>
    public static IResult? ReadPage(HttpRequest request, out int top, out string? position)
    {
        top = DefaultPage;
        position = null;
        if (request.Query["top"] is [{ Length: > 0 } text, ..]
            && (!int.TryParse(text, NumberStyles.None, null, out top) || top is < 1 or > MaxPage))
        {
            return ApiProblems.Invalid("top", $"Use a number from 1 to {MaxPage}.");
        }

        return request.Query["continuation"] is [{ Length: > 0 } given, ..] && (position = Continuations.Read(request, given)) is null
            ? MalformedContinuation()
            : null;
    }

    public static IResult MalformedContinuation() =>
        ApiProblems.Invalid("continuation", "Use the value of the page before, with the same query, or none.");

    /// <summary>`true` or `false` from the query; left out it is false.</summary>
    public static IResult? ReadFlag(HttpRequest request, string name, out bool value)
    {
        value = request.Query[name] is ["true", ..];
        return value || request.Query[name] is [] or ["" or "false", ..] ? null : ApiProblems.Invalid(name, "Use true or false.");
    }

    /// <summary>An address that can have a mailbox or lead to one.</summary>
    public static EmailAddress? ReadAddress(string text) =>
        EmailAddress.TryParse(text, out var address) && !address.IsAddressLiteral ? address : null;

    // RFC 3339 §5.6, where a space may stand for the T; shorter forms mean the beginning of the day or the minute.
    private static readonly string[] TimeForms =
    [
        "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd' 'HH:mmK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK",
    ];

    /// <summary>A time of RFC 3339 from the query; without an offset it is UTC.</summary>
    public static DateTimeOffset ReadTime(HttpRequest request, string name, DateTimeOffset otherwise, Faults faults)
    {
        if (request.Query[name] is not [{ Length: > 0 } text, ..])
        {
            return otherwise;
        }

        var given = text.ToUpperInvariant();
        if (given.Length > 6 && given[^6] == ' ' && given.Contains('T'))
        {
            given = $"{given[..^6]}+{given[^5..]}"; // the plus sign of an offset that was not percent-encoded
        }

        const DateTimeStyles Style = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (DateTimeOffset.TryParseExact(given, TimeForms, CultureInfo.InvariantCulture, Style, out var at) && at.Year is > 2000 and < 9000)
        {
            return at;
        }

        faults.Add(name, "Use a time like 2026-01-31T12:00:00Z.");
        return otherwise;
    }
}
