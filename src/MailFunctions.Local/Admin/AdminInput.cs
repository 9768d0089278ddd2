using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin;

/// <summary>The arguments and options of one command, and what they say of a request.</summary>
internal sealed class AdminInput
{
    private readonly List<Argument<string>> _arguments;
    private readonly List<(AdminField Field, Option Option)> _query;
    private readonly List<(AdminField Field, Option Option, Option<bool>? Removal)> _body;
    private readonly Option<FileInfo?>? _file;
    private readonly Option<FileInfo?>? _output;

    public AdminInput(AdminVerb verb)
    {
        _arguments = [.. verb.Arguments.Select(a => new Argument<string>(a))];
        _query = [.. verb.Query.Select(f => (f, ForField(f)))];
        _body = [.. verb.Body.Select(f => (f, ForField(f), Removal(f)))];
        _file = verb.FileType is null ? null : new Option<FileInfo?>("--file") { Description = "The file to send; else standard input" };
        _output = verb.IsRaw ? new Option<FileInfo?>("--output") { Description = "Where the answer goes; else standard output" } : null;
    }

    public void AddTo(Command command)
    {
        _arguments.ForEach(command.Add);
        _query.ForEach(q => command.Add(q.Option));
        foreach (var (_, option, removal) in _body)
        {
            command.Add(option);
            if (removal is not null)
            {
                command.Add(removal);
            }
        }

        foreach (var file in ((Option?[])[_file, _output]).OfType<Option>())
        {
            command.Add(file);
        }
    }

    private static Option<bool>? Removal(AdminField field) =>
        field.Nothing is null ? null : new Option<bool>(field.Removal) { Description = $"Removes it: {Lower(field.Description)}" };

    private static Option ForField(AdminField field) => field.Kind == FieldKind.Switch
        ? new Option<bool>(field.Option) { Description = field.Description }
        : new Option<string[]>(field.Option)
        {
            Description = field.Description,
            HelpName = field.Kind switch
            {
                FieldKind.Flag => "yes|no",
                FieldKind.Size => "size",
                FieldKind.Time => "time",
                FieldKind.List => "a,b",
                _ => Lower(field.Name),
            },
        };

    private static string[] Values(ParseResult parsed, Option option) => option switch
    {
        Option<bool> said => [parsed.GetValue(said) ? "yes" : "no"],
        Option<string[]> given => parsed.GetValue(given) ?? [],
        _ => throw new InvalidOperationException(option.Name),
    };

    private static string Lower(string text) => char.ToLowerInvariant(text[0]) + text[1..];

    /// <summary>`api/…` with what is asked.</summary>
    public string Target(AdminVerb verb, ParseResult parsed, TimeProvider time)
    {
        var path = _arguments.Aggregate(
            verb.Path, (p, a) => p.Replace($"{{{a.Name}}}", Uri.EscapeDataString(parsed.GetValue(a)!), StringComparison.Ordinal));
        var asked = _query.Where(q => IsGiven(parsed, q.Option))
            .Select(q => $"{q.Field.Name}={Uri.EscapeDataString(AdminValues.ToQuery(q.Field, Values(parsed, q.Option), time))}");
        var query = string.Join('&', verb.FixedQuery is { } always ? asked.Append(always) : asked);
        return "api/" + path + (query.Length > 0 ? "?" + query : "");
    }

    /// <summary>What was named, and nothing else.</summary>
    public JsonObject Body(ParseResult parsed)
    {
        var body = new JsonObject();
        foreach (var (field, option, removal) in _body)
        {
            var isRemoved = removal is not null && parsed.GetValue(removal);
            if (isRemoved && IsGiven(parsed, option))
            {
                throw new AdminException($"{field.Option} and {field.Removal} can't both be meant.");
            }

            if (isRemoved || IsGiven(parsed, option))
            {
                body[field.Name] = isRemoved
                    ? JsonNode.Parse(field.Nothing!)
                    : AdminValues.ToJson(field, Values(parsed, option), Console.In);
            }
        }

        return body;
    }

    public FileInfo? File(ParseResult parsed) => _file is null ? null : parsed.GetValue(_file);

    public FileInfo? Output(ParseResult parsed) => _output is null ? null : parsed.GetValue(_output);

    /// <summary>The option of a field that the API finds fault with, and the value given; a field of the path is its argument.</summary>
    public string? Name(string field, ParseResult parsed)
    {
        var (name, index) = field.Split('[') is [var list, var at] && int.TryParse(at.TrimEnd(']'), out var i) ? (list, i) : (field, 0);
        foreach (var (known, option) in _query.Concat(_body.Select(b => (b.Field, b.Option))).Where(o => o.Field.Name == name))
        {
            // A password is not repeated.
            var values = known.Kind == FieldKind.List
                ? AdminValues.ToJson(known, Values(parsed, option), TextReader.Null) as JsonArray
                : null;
            return (known.Kind, (index < values?.Count ? values[index] : null)?.ToString() ?? Values(parsed, option).LastOrDefault()) switch
            {
                (FieldKind.Secret, _) or (_, null) => known.Option,
                (_, var value) => $"{known.Option} '{value}'",
            };
        }

        return _arguments.Find(a => a.Name == name) is { } argument ? $"'{parsed.GetValue(argument)}'" : null;
    }

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is OptionResult { Implicit: false };
}
