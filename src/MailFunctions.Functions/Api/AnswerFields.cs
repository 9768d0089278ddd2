namespace MailFunctions.Functions.Api;

/// <summary>
/// The header fields of every answer. Answers hold addresses, mail and app passwords: no cache may keep them, and no browser may guess
/// another type. A key in the URL is refused, since URLs are kept in logs and histories.
/// </summary>
internal sealed class AnswerFields(RequestDelegate next)
{
    /// <summary>The query parameter from which the Functions host takes a key, too.</summary>
    private const string KeyParameter = "code";
    private const string KeyFault =
        "Send the key as x-functions-key: an address with a key in it ends up in logs. Renew a key that was sent so.";

    public Task InvokeAsync(HttpContext http)
    {
        http.Response.OnStarting(() =>
        {
            http.Response.Headers.CacheControl = "no-store"; // RFC 9111 §5.2.2.5
            http.Response.Headers.XContentTypeOptions = "nosniff";
            return Task.CompletedTask;
        });
        return http.Request.Query.ContainsKey(KeyParameter)
            ? ApiProblems.Invalid(KeyParameter, KeyFault).ExecuteAsync(http)
            : next(http);
    }
}
