using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace MailFunctions.Functions.Api;

/// <summary>
/// Gives the handlers the values of the path percent-decoded once (RFC 3986 §2.4). The server decodes a path but for `%2F`, so
/// that `%2F` and `%252F` look alike behind it: the values are read from the request's target as it came.
/// </summary>
internal sealed class PathValues(RequestDelegate next)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint() is not RouteEndpoint { RoutePattern: { Parameters.Count: > 0 } pattern })
        {
            return next(http);
        }

        var segments = Segments(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        for (var i = 0; i < pattern.PathSegments.Count; i++)
        {
            if (pattern.PathSegments[i].Parts is not [RoutePatternParameterPart parameter])
            {
                continue;
            }

            // With `.` and `..`, which the server has taken out, the segments do not stand where the route has them.
            if (segments.Length != pattern.PathSegments.Count || !TryDecode(segments[i], out var value))
            {
                return ApiProblems.Invalid(parameter.Name, "The path is not percent-encoded as RFC 3986 says, in UTF-8.")
                    .ExecuteAsync(http);
            }

            http.Request.RouteValues[parameter.Name] = value;
        }

        return next(http);
    }

    private static string[] Segments(string target)
    {
        var path = target.AsSpan(0, target.IndexOf('?') is >= 0 and var query ? query : target.Length);
        if (!path.StartsWith('/') && path.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme)
        {
            // RFC 9112 §3.2.2: the absolute form.
            path = path[(scheme + 3)..];
            path = path.IndexOf('/') is >= 0 and var start ? path[start..] : "";
        }

        return path.Trim('/').ToString().Split('/');
    }

    private static bool TryDecode(string segment, [NotNullWhen(true)] out string? value)
    {
        value = null;
        var octets = new List<byte>(segment.Length);
        for (var i = 0; i < segment.Length; i++)
        {
            if (segment[i] != '%')
            {
                octets.AddRange(Encoding.UTF8.GetBytes(segment, i, 1));
            }
            else if (i + 2 < segment.Length && byte.TryParse(segment.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, null, out var octet))
            {
                octets.Add(octet);
                i += 2;
            }
            else
            {
                return false;
            }
        }

        try
        {
            value = Utf8.GetString([.. octets]);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
