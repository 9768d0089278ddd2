using System.Text.RegularExpressions;

namespace MailFunctions.Core.Tests.Architecture;

/// <summary>Which namespace of a project uses which other one of it, read from its sources.</summary>
internal sealed partial class NamespaceGraph
{
    private readonly Dictionary<string, SortedSet<string>> _uses = [];

    private NamespaceGraph(IEnumerable<string> sources)
    {
        var files = sources.Select(Source.Read).OfType<Source>().ToList();
        var types = files.GroupBy(f => f.Namespace).ToDictionary(g => g.Key, g => g.SelectMany(f => f.Types).ToHashSet());
        foreach (var file in files)
        {
            var uses = _uses.TryGetValue(file.Namespace, out var known) ? known : _uses[file.Namespace] = [];
            uses.UnionWith(
                types.Where(other => other.Key != file.Namespace && file.Uses(other.Key, other.Value)).Select(other => other.Key));
        }
    }

    /// <param name="sources">Texts of C# files with file-scoped namespaces.</param>
    public static NamespaceGraph Of(IEnumerable<string> sources) => new(sources);

    /// <summary>The uses that stand in a cycle, or between two of them: `A → B`.</summary>
    public IReadOnlyList<string> Cycles()
    {
        var left = _uses.SelectMany(u => u.Value.Select(to => (From: u.Key, To: to))).ToHashSet();
        int before;
        do
        {
            before = left.Count;
            var (users, used) = (left.Select(u => u.From).ToHashSet(), left.Select(u => u.To).ToHashSet());
            left.RemoveWhere(u => !users.Contains(u.To) || !used.Contains(u.From));
        }
        while (left.Count < before);

        return [.. left.Select(u => $"{u.From} → {u.To}").Order(StringComparer.Ordinal)];
    }

    private sealed record Source(
        string Namespace, HashSet<string> Usings, HashSet<string> Types, HashSet<string> Words, HashSet<string> Qualified)
    {
        public static Source? Read(string text)
        {
            var code = Texts().Replace(Comments().Replace(text, ""), "\"\"");
            if (NamespaceLine().Match(code) is not { Success: true } line)
            {
                return null; // top-level statements
            }

            return new Source(
                line.Groups[1].Value,
                [.. UsingLines().Matches(code).Select(m => m.Groups[1].Value)],
                [.. TypeNames().Matches(code).Select(m => m.Groups[1].Value)],
                [.. WordPattern().Matches(code).Select(m => m.Value)],
                [.. QualifiedNames().Matches(code).Select(m => m.Value + m.Groups[1].Value)]);
        }

        /// <summary>By a using, as a namespace around this one, or by a qualified name.</summary>
        public bool Uses(string other, HashSet<string> types) =>
            Usings.Any(u => u == other || (u.StartsWith(other + ".", StringComparison.Ordinal) && types.Contains(u[(other.Length + 1)..])))
            || (Namespace.StartsWith(other + ".", StringComparison.Ordinal) && Words.Overlaps(types.Except(Types)))
            || types.Any(t => Qualified.Contains($"{other[(other.LastIndexOf('.') + 1)..]}.{t}"));
    }

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comments();

    [GeneratedRegex("""
        "(?:\\.|[^"\\\n])*"
        """)]
    private static partial Regex Texts();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"^(?:global )?using (?:static |\w+ = )?(MailFunctions[\w.]*);", RegexOptions.Multiline)]
    private static partial Regex UsingLines();

    [GeneratedRegex(
        @"^(?:(?:public|internal|sealed|static|abstract|partial|readonly|ref)\s+)*"
        + @"(?:record struct|record|class|struct|interface|enum)\s+(\w+)",
        RegexOptions.Multiline)]
    private static partial Regex TypeNames();

    [GeneratedRegex(@"\b[A-Z]\w*")]
    private static partial Regex WordPattern();

    [GeneratedRegex(@"\b[A-Z]\w*(?=(\.[A-Z]\w*))")]
    private static partial Regex QualifiedNames();
}
