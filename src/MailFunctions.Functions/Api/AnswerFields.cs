namespace MailFunctions.Functions.Api;

/// <summary>
/// What every answer of the API carries: it holds addresses, mail and once even passwords, so that no cache keeps it, and no
/// browser takes it for something else than it says. A key in the address is refused: addresses stand in logs and histories.
/// </summary>
internal sealed class AnswerFields(RequestDelegate next)
{
    /// <summary>The name under which the Functions host takes a key from the query, too.</summary>
    private const string KeyParameter = "code";
    private const string KeyFault = "Send the key as x-functions-key: an address with a key in it ends up in logs. Renew a key that was sent so.";

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
