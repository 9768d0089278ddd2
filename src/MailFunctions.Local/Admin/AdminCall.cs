using System.CommandLine;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using MailFunctions.Local.Admin.Views;

namespace MailFunctions.Local.Admin;

/// <summary>One command's request and what is shown of its answer; 0, or 1 when it was refused in whole or in part.</summary>
internal sealed class AdminCall(AdminVerb verb, AdminInput given, ParseResult parsed, bool asJson)
{
    private readonly TextWriter _output = parsed.InvocationConfiguration.Output;
    private readonly TextWriter _errors = parsed.InvocationConfiguration.Error;

    public async Task<int> RunAsync(HttpClient http, CancellationToken cancellationToken)
    {
        var target = given.Target(verb, parsed, TimeProvider.System);
        var body = verb.Body.Count > 0 ? given.Body(parsed).ToJsonString() : null;
        var answer = await SendAsync(http, verb.Method, target, body, ifNoneMatch: false, cancellationToken);
        if (verb.IsUpsert && answer.StatusCode == HttpStatusCode.NotFound)
        {
            var missing = ReadJson(answer, await answer.Content.ReadAsStringAsync(cancellationToken));
            answer.Dispose();
            // Not over one that was made meanwhile.
            answer = await SendAsync(http, "PUT", target, body, ifNoneMatch: true, cancellationToken);
            if (answer.StatusCode == HttpStatusCode.BadRequest && !asJson)
            {
                await _errors.WriteLineAsync(AdminText.Of(missing, "detail")); // a name that was mistyped, more often than not
            }
        }

        using (answer)
        {
            return answer.IsSuccessStatusCode switch
            {
                true when verb.IsRaw => await CopyAsync(answer, cancellationToken),
                true when verb.IsLines => await new LinesView(_output, _errors, asJson).WriteAsync(answer, cancellationToken),
                _ => await ShowAsync(answer, cancellationToken),
            };
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpClient http, string method, string target, string? body, bool ifNoneMatch, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), target);
        request.Content = verb.FileType is not null
            ? new StreamContent(given.File(parsed)?.OpenRead() ?? Console.OpenStandardInput())
            : body is null ? null : new StringContent(body, null, "application/json");
        if (verb.FileType is not null)
        {
            request.Content!.Headers.ContentType = new MediaTypeHeaderValue(verb.FileType);
        }

        if (ifNoneMatch)
        {
            request.Headers.IfNoneMatch.Add(EntityTagHeaderValue.Any);
        }

        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            var server = http.BaseAddress!.GetLeftPart(UriPartial.Authority);
            throw new AdminException($"{server} can't be reached: {e.GetBaseException().Message}");
        }
    }

    private async Task<int> CopyAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        await using var target = given.Output(parsed)?.Create() ?? Console.OpenStandardOutput();
        await answer.Content.CopyToAsync(target, cancellationToken);
        return 0;
    }

    private async Task<int> ShowAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var text = await answer.Content.ReadAsStringAsync(cancellationToken);
        var json = ReadJson(answer, text);
        if (!answer.IsSuccessStatusCode)
        {
            // The health of a system that is not well is an answer, too.
            await _errors.WriteLineAsync(asJson && text.Length > 0 ? text
                : json?["dependencies"] is not null ? verb.View(json).TrimEnd()
                : AdminFaults.Write(answer.StatusCode, json as JsonObject, field => given.Name(field, parsed)));
            return 1;
        }

        var shown = asJson || json is null ? text : verb.View(json);
        await _output.WriteAsync(shown.Length == 0 || shown.EndsWith('\n') ? shown : shown + "\n");
        if (shown.Length == 0 && !asJson)
        {
            await _output.WriteLineAsync("Done.");
        }

        return verb.IsPartial(json) ? 1 : 0;
    }

    private static JsonNode? ReadJson(HttpResponseMessage answer, string text)
    {
        try
        {
            var type = answer.Content.Headers.ContentType?.MediaType;
            return type?.EndsWith("json", StringComparison.Ordinal) is true ? JsonNode.Parse(text) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
