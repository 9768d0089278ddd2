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
            return (
                null, TypedResults.Problem("The body has to be application/json.", statusCode: StatusCodes.Status415UnsupportedMediaType));
        }

        var options = request.HttpContext.RequestServices.GetRequiredService<BodyJson>().Options;
        try
        {
            return await JsonSerializer.DeserializeAsync(
                request.Body, (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T)), request.HttpContext.RequestAborted) is { } value
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
        { Message: var m } when m.Contains("required", StringComparison.Ordinal) =>
            "A required field is missing: " + m[(m.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(),
        _ => $"This is not JSON (line {e.LineNumber + 1}, octet {e.BytePositionInLine + 1}).",
    };

    /// <summary>An address that can have a mailbox or lead to one.</summary>
    public static EmailAddress? ReadAddress(string text) =>
        EmailAddress.TryParse(text, out var address) && !address.IsAddressLiteral ? address : null;
}
