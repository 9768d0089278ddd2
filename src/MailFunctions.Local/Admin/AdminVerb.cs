using System.Text.Json.Nodes;
using MailFunctions.Local.Admin.Views;

namespace MailFunctions.Local.Admin;

/// <summary>One operation of the API as a command: `{resource} {verb} {arguments of the path}`.</summary>
internal sealed record AdminVerb(string Resource, string Verb, string Description, string Method, string Path)
{
    public IReadOnlyList<AdminField> Query { get; init; } = [];

    /// <summary>What is always asked for: `usage=true`.</summary>
    public string? FixedQuery { get; init; }

    public IReadOnlyList<AdminField> Body { get; init; } = [];

    /// <summary>Changes what there is, by PATCH, and what is named only; makes it by PUT where there is none.</summary>
    public bool IsUpsert { get; init; }

    /// <summary>A body of this type is read from `--file`, or standard input.</summary>
    public string? FileType { get; init; }

    /// <summary>The answer goes to `--output`, or standard output, as it comes.</summary>
    public bool IsRaw { get; init; }

    /// <summary>The answer is JSON lines, one for each line sent.</summary>
    public bool IsLines { get; init; }

    /// <summary>The answer for people.</summary>
    public Func<JsonNode?, string> View { get; init; } = AdminTable.Write;

    /// <summary>The answer says that not everything was done.</summary>
    public Func<JsonNode?, bool> IsPartial { get; init; } = _ => false;

    /// <summary>The names between braces.</summary>
    public IEnumerable<string> Arguments => Path.Split('/').Where(p => p.StartsWith('{')).Select(p => p[1..^1]);
}
