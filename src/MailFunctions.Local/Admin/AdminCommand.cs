using System.CommandLine;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using MailFunctions.Local.Stack;

namespace MailFunctions.Local.Admin;

/// <summary>`admin {resource} {verb}`: the API's operations from a shell, with no logic of their own.</summary>
internal static class AdminCommand
{
    public const string KeyVariable = "MAILFUNCTIONS_ADMIN_KEY";

    private static readonly Option<DirectoryInfo> Data = new("--data")
    {
        Description = "The data directory of a running stack",
        DefaultValueFactory = _ => new DirectoryInfo(".local"),
        Recursive = true,
    };

    private static readonly Option<string?> Url = new("--url") { Description = "A function app instead, as https://app.example.net", Recursive = true };

    private static readonly Option<string?> Key = new("--key") { Description = $"Its key; else {KeyVariable} is read", Recursive = true };

    private static readonly Option<bool> Json = new("--json") { Description = "The answer as it came, for scripts", Recursive = true };

    public static Command Create()
    {
        var admin = new Command("admin", "The admin API of a running stack, or of a function app by --url.") { Data, Url, Key, Json };
        foreach (var resource in AdminVerbs.All.GroupBy(v => v.Resource))
        {
            var command = new Command(resource.Key, $"{resource.Key}: {string.Join(", ", resource.Select(v => v.Verb))}");
            foreach (var verb in resource)
            {
                command.Add(Create(verb));
            }

            admin.Add(command);
        }

        return admin;
    }

    private static Command Create(AdminVerb verb)
    {
        var command = new Command(verb.Verb, verb.Description);
        var arguments = verb.Arguments.Select(a => new Argument<string>(a)).ToList();
        var query = verb.Query.Select(f => (Field: f, Option: new Option<string?>(f.Option) { Description = f.Description })).ToList();
        var body = verb.Body.Select(f => (Field: f, Option: new Option<string[]>(f.Option) { Description = f.Description })).ToList();
        var file = new Option<FileInfo?>("--file") { Description = "The file to send; else standard input" };
        var output = new Option<FileInfo?>("--output") { Description = "Where the answer goes; else standard output" };
        arguments.ForEach(command.Add);
        query.ForEach(q => command.Add(q.Option));
        body.ForEach(b => command.Add(b.Option));
        if (verb.FileType is not null)
        {
            command.Add(file);
        }

        if (verb.IsRaw)
        {
            command.Add(output);
        }

        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                using var http = Connect(parsed);
                var path = arguments.Aggregate("api/" + verb.Path, (p, a) => p.Replace($"{{{a.Name}}}", Uri.EscapeDataString(parsed.GetValue(a)!), StringComparison.Ordinal));
                var asked = query.Where(q => parsed.GetValue(q.Option) is not null).Select(q => $"{q.Field.Name}={Uri.EscapeDataString(parsed.GetValue(q.Option)!)}");
                using var request = new HttpRequestMessage(new HttpMethod(verb.Method), string.Join('?', ((string[])[path, string.Join('&', asked)]).Where(p => p.Length > 0)));
                request.Content = verb switch
                {
                    { FileType: { } type } => new StreamContent(parsed.GetValue(file)?.OpenRead() ?? Console.OpenStandardInput()) { Headers = { ContentType = new MediaTypeHeaderValue(type) } },
                    { Body.Count: > 0 } => JsonBody(body.Select(b => (b.Field, parsed.GetValue(b.Option) ?? []))),
                    _ => null,
                };
                using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                return verb.IsRaw && answer.IsSuccessStatusCode
                    ? await CopyAsync(answer, parsed.GetValue(output), cancellationToken)
                    : await ShowAsync(answer, parsed.GetValue(Json), cancellationToken);
            }
            catch (Exception e) when (e is StackException or HttpRequestException or IOException or UnauthorizedAccessException or FormatException)
            {
                await Console.Error.WriteLineAsync(e.Message);
                return 1;
            }
        });
        return command;
    }

    private static HttpClient Connect(ParseResult parsed)
    {
        var (url, key) = (parsed.GetValue(Url), parsed.GetValue(Key) ?? Environment.GetEnvironmentVariable(KeyVariable));
        if (url is null)
        {
            var path = Path.Combine(parsed.GetValue(Data)!.FullName, StackInfo.FileName);
            var stack = File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), StackJson.Default.StackInfo) : null;
            (url, key) = stack is null
                ? throw new StackException($"No stack runs on {parsed.GetValue(Data)}: start one, name its --data directory, or give --url and --key.")
                : (stack.AdminUrl, key ?? stack.AdminKey);
        }

        var http = new HttpClient { BaseAddress = new Uri(url.TrimEnd('/') + "/"), Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.TryAddWithoutValidation("x-functions-key", key);
        return http;
    }

    private static StringContent JsonBody(IEnumerable<(AdminField Field, string[] Values)> fields)
    {
        var body = new JsonObject();
        foreach (var (field, values) in fields.Where(f => f.Values.Length > 0))
        {
            body[field.Name] = field.Kind switch
            {
                FieldKind.Number => long.Parse(values[^1], CultureInfo.InvariantCulture),
                FieldKind.Flag => bool.Parse(values[^1]),
                FieldKind.List => new JsonArray([.. values.Select(v => (JsonNode)v)]),
                FieldKind.Secret when values[^1] == "-" => Console.In.ReadLine(),
                _ => values[^1],
            };
        }

        return new StringContent(body.ToJsonString(), null, "application/json");
    }

    private static async Task<int> CopyAsync(HttpResponseMessage answer, FileInfo? file, CancellationToken cancellationToken)
    {
        await using var target = file?.Create() ?? Console.OpenStandardOutput();
        await answer.Content.CopyToAsync(target, cancellationToken);
        return 0;
    }

    private static async Task<int> ShowAsync(HttpResponseMessage answer, bool asJson, CancellationToken cancellationToken)
    {
        var text = await answer.Content.ReadAsStringAsync(cancellationToken);
        var isJson = answer.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) is true;
        var shown = asJson || !isJson ? text : AdminTable.Write(JsonNode.Parse(text));
        if (answer.IsSuccessStatusCode)
        {
            Console.Out.Write(shown.Length == 0 || shown.EndsWith('\n') ? shown : shown + "\n");
            return 0;
        }

        await Console.Error.WriteLineAsync(shown.Length > 0 ? shown : $"The API answered {(int)answer.StatusCode}{((int)answer.StatusCode == 401 ? ": the key is missing or wrong." : ".")}");
        return 1;
    }
}
