using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using Microsoft.AspNetCore.Http.Features;

namespace MailFunctions.Functions.Hosting;

/// <summary>Reads the parts of an admin request, each with its bound.</summary>
internal static class ApiRequests
{
    public const int DefaultPage = 100;
    public const int MaxPage = 1000;
    private const int MaxBodyOctets = 256 * 1024;
    private const int MaxContinuation = 4096;

    /// <summary>The JSON body, or the answer that says what is wrong with it.</summary>
    public static async Task<(T? Value, IResult? Fault)> ReadJsonAsync<T>(HttpRequest request, JsonTypeInfo<T> type)
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

        try
        {
            return await JsonSerializer.DeserializeAsync(request.Body, type, request.HttpContext.RequestAborted) is { } value
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
        { Message: var m } when m.Contains("required", StringComparison.Ordinal) => "A required field is missing: " + m[(m.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(),
        _ => $"This is not JSON (line {e.LineNumber + 1}, octet {e.BytePositionInLine + 1}).",
    };

    /// <summary>`?top=&amp;continuation=`.</summary>
    public static IResult? ReadPage(HttpRequest request, out int top, out string? continuation)
    {
        top = DefaultPage;
        continuation = request.Query["continuation"] is [{ Length: > 0 } given, ..] ? given : null;
        if (request.Query["top"] is [{ Length: > 0 } text, ..]
            && (!int.TryParse(text, NumberStyles.None, null, out top) || top is < 1 or > MaxPage))
        {
            return ApiProblems.Invalid("top", $"Use a number from 1 to {MaxPage}.");
        }

        // What the storage gives is base64 with some marks.
        return continuation is not null && (continuation.Length > MaxContinuation || continuation.Any(c => !char.IsAsciiLetterOrDigit(c) && !"!+=_-/ ".Contains(c)))
            ? ApiProblems.Invalid("continuation", "Use the value of the page before, or none.") : null;
    }

    /// <summary>`true` or `false` from the query; left out it is false.</summary>
    public static IResult? ReadFlag(HttpRequest request, string name, out bool value)
    {
        value = request.Query[name] is ["true", ..];
        return value || request.Query[name] is [] or ["" or "false", ..] ? null : ApiProblems.Invalid(name, "Use true or false.");
    }

    /// <summary>An address from the path: routing leaves `%2F` as it is.</summary>
    public static EmailAddress? ReadAddress(string segment) =>
        EmailAddress.TryParse(segment.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase), out var address) && !address.IsAddressLiteral ? address : null;

    /// <summary>A time of RFC 3339 from the query; without an offset it is UTC.</summary>
    public static DateTimeOffset ReadTime(HttpRequest request, string name, DateTimeOffset otherwise, Faults faults)
    {
        if (request.Query[name] is not [{ Length: > 0 } text, ..])
        {
            return otherwise;
        }

        // A plus sign that was not percent-encoded arrives as a space.
        const DateTimeStyles Style = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (DateTimeOffset.TryParse(text.Replace(' ', '+'), CultureInfo.InvariantCulture, Style, out var at) && at.Year is > 2000 and < 9000)
        {
            return at;
        }

        faults.Add(name, "Use a time like 2026-01-31T12:00:00Z.");
        return otherwise;
    }

    /// <summary>The ETag of `If-Match`, or `*` when any will do.</summary>
    public static string IfMatch(HttpRequest request) => request.Headers.IfMatch is [{ Length: > 0 } etag, ..] ? etag : "*";

    /// <summary>Tells the version that is there now (RFC 9110 §8.8.3), if it was written.</summary>
    public static void SetETag(HttpResponse response, Written written)
    {
        if (written.ETag.Length > 0)
        {
            response.Headers.ETag = written.ETag;
        }
    }

    /// <summary>The caller's `If-Match` names another version than the one just read.</summary>
    public static bool IsStale(HttpRequest request, string etag) => IfMatch(request) is var asked && asked != "*" && asked != etag;
}
