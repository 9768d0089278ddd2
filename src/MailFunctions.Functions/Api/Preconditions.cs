using MailFunctions.Core.Directory;
using Microsoft.Extensions.Primitives;

namespace MailFunctions.Functions.Api;

/// <summary>`If-Match` and `If-None-Match` of a change (RFC 9110 §13.1), and the ETag that it leaves behind.</summary>
internal static class Preconditions
{
    /// <summary>Whether the request may change what is there.</summary>
    /// <param name="etag">Of what is there now; null: nothing.</param>
    public static bool Hold(HttpRequest request, string? etag)
    {
        // RFC 9110 §13.1.1 and §13.1.2: `*` is whatever is there.
        var (match, noneMatch) = (request.Headers.IfMatch, request.Headers.IfNoneMatch);
        return (match.Count == 0 || Names(match, etag)) && (noneMatch.Count == 0 || !Names(noneMatch, etag));
    }

    /// <summary>412 unless the change may be made.</summary>
    public static IResult Failed(string what) => TypedResults.Problem(
        $"{what} is not as If-Match or If-None-Match expects it, or was changed meanwhile: read it again and use its new ETag.",
        statusCode: StatusCodes.Status412PreconditionFailed);

    /// <summary>Gives the version that is there now (RFC 9110 §8.8.3), if it was written.</summary>
    public static void SetETag(HttpResponse response, Written written)
    {
        if (written.ETag.Length > 0)
        {
            response.Headers.ETag = written.ETag;
        }
    }

    private static bool Names(StringValues field, string? etag) =>
        etag is not null
        && field.SelectMany(f => (f ?? "").Split(',', StringSplitOptions.TrimEntries)).Any(tag => tag == "*" || tag == etag);
}
