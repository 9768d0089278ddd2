using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Microsoft.Extensions.Configuration;

namespace MailFunctions.Infra.Tests.Settings;

/// <summary>
/// Every key of configuration that a program reads, derived from its code: the properties of its options classes (those
/// with a `Section`), what `Read(IConfiguration)` methods ask for, and the keys that its sources read one by one.
/// </summary>
internal sealed partial class ReadSettings
{
    private const BindingFlags Constants =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.FlattenHierarchy;

    private readonly Dictionary<string, string?> _keys = new(StringComparer.Ordinal);

    private ReadSettings(Assembly program, params string[] sources)
    {
        var notRegistered = new HashSet<string>(StringComparer.Ordinal);
        foreach (var options in program.GetTypes().Concat(typeof(Azure.Storage.StorageOptions).Assembly.GetTypes()))
        {
            if (options.Assembly != program && !IsRegistered(options.Name, sources[0]))
            {
                notRegistered.Add(options.Name + ".cs");
            }
            else if (options.GetMethod("Read", BindingFlags.Public | BindingFlags.Static, [typeof(IConfiguration)]) is { } read)
            {
                AddAsked(read);
            }
            else if (options.Assembly == program && options.GetField("Section", Constants)?.GetRawConstantValue() is string section)
            {
                AddProperties(section, options);
            }
        }

        foreach (var file in sources.SelectMany(Files).Where(f => !notRegistered.Contains(Path.GetFileName(f))))
        {
            AddDirectKeys(file);
        }
    }

    public static ReadSettings OfEdge { get; } = new(Assembly.Load("MailFunctions.Edge"), "MailFunctions.Edge", "MailFunctions.Azure");

    public static ReadSettings OfFunctions { get; } =
        new(Assembly.Load("MailFunctions.Functions"), "MailFunctions.Functions", "MailFunctions.Azure");

    /// <summary>`Section__Key`, with the default of an options class; null where code, not a class, says what happens without it.</summary>
    public IReadOnlyDictionary<string, string?> Keys => _keys;

    /// <summary>Reads of configuration whose key could not be made out.</summary>
    public List<string> Unclear { get; } = [];

    /// <summary>Options of an adapter count only where the program calls the registration that reads them, as with housekeeping.</summary>
    private static bool IsRegistered(string options, string program)
    {
        var readers = Files("MailFunctions.Azure")
            .Select(File.ReadAllText).Where(t => t.Contains(options + ".Read(", StringComparison.Ordinal)).ToList();
        var called = string.Concat(Files(program).Select(File.ReadAllText));

        return readers.Count == 0
            || readers.SelectMany(r => Registration().Matches(r))
                .Any(m => called.Contains($".{m.Groups[1].Value}(", StringComparison.Ordinal));
    }

    /// <summary>Asks it to read, and listens; lists have one item.</summary>
    private void AddAsked(MethodInfo read)
    {
        var listener = new AskedKeys();
        try
        {
            read.Invoke(null, [new ConfigurationRoot([listener])]);
        }
        catch (TargetInvocationException e) when (e.InnerException is ValidationException)
        {
            // Something required is missing: the sources tell the rest.
        }

        foreach (var key in listener.Asked)
        {
            _keys.TryAdd(Index().Replace(key.Replace(":", "__", StringComparison.Ordinal), "__N__"), null);
        }
    }

    /// <summary>Notes every key it is asked for, and answers what no reader can do without.</summary>
    private sealed class AskedKeys : ConfigurationProvider
    {
        private static readonly Dictionary<string, string> Answers = new()
        {
            ["Domain"] = "*",
            ["Smarthost"] = "smarthost.example.com:587",
        };

        public HashSet<string> Asked { get; } = [];

        public override bool TryGet(string key, out string? value)
        {
            value = null;
            if (int.TryParse(key.Split(':')[^1], out _))
            {
                return false; // the item of a list itself
            }

            Asked.Add(key);
            return Answers.TryGetValue(key.Split(':')[^1], out value);
        }

        public override IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) => ["0"];
    }

    private void AddProperties(string prefix, Type type)
    {
        var defaults = Activator.CreateInstance(type, nonPublic: true)!;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite && p.SetMethod!.IsPublic))
        {
            var key = $"{prefix}__{property.Name}".Replace(":", "__", StringComparison.Ordinal);
            var value = property.GetValue(defaults);
            var itself = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            if (itself != typeof(string) && typeof(IEnumerable).IsAssignableFrom(itself))
            {
                AddItems(key, itself);
            }
            else if (itself.IsClass && itself != typeof(string) && itself != typeof(Uri))
            {
                AddProperties(key, itself);
            }
            else
            {
                _keys[key] = Text(value);
            }
        }
    }

    private void AddItems(string key, Type list)
    {
        var item = list.IsArray ? list.GetElementType()! : list.GetGenericArguments().Last();
        if (item == typeof(string) || item.IsValueType)
        {
            _keys[$"{key}__N"] = "";
        }
        else
        {
            AddProperties($"{key}__N", item);
        }
    }

    private static string Text(object? value) => value switch
    {
        null => "",
        bool flag => flag ? "true" : "false",
        TimeSpan span => span.ToString("c", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static IEnumerable<string> Files(string project) =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", project), "*.cs", SearchOption.AllDirectories);

    private void AddDirectKeys(string file)
    {
        var text = File.ReadAllText(file);
        foreach (Match read in DirectRead().Matches(text))
        {
            var expression = read.Groups["key"].Value.Trim();
            if (Evaluate(expression, text) is { } key)
            {
                _keys.TryAdd(key.Replace(":", "__", StringComparison.Ordinal), null);
            }
            else if (!expression.Contains("{name}", StringComparison.Ordinal) || !text.Contains("ReadUri", StringComparison.Ordinal))
            {
                Unclear.Add($"{Path.GetFileName(file)}: {expression}");
            }
        }

        foreach (Match read in NamedRead().Matches(text))
        {
            _keys.TryAdd($"{Evaluate("Key", text)}__{read.Groups["name"].Value}", null);
        }
    }

    /// <summary>A literal, a constant, or an interpolation of constants.</summary>
    private static string? Evaluate(string expression, string text)
    {
        if (expression.StartsWith("$\"", StringComparison.Ordinal))
        {
            var whole = true;
            var value = Hole().Replace(expression[2..^1], hole =>
            {
                var part = Evaluate(hole.Groups[1].Value, text);
                whole &= part is not null;
                return part ?? "";
            });
            return whole ? value : null;
        }

        if (expression.StartsWith('"'))
        {
            return expression.Trim('"');
        }

        if (expression.StartsWith("nameof(", StringComparison.Ordinal))
        {
            return expression[7..^1].Split('.')[^1];
        }

        var parts = expression.Split('.');
        var local = Regex.Match(text, $@"const string {Regex.Escape(parts[^1])} = ""([^""]+)""");
        if (parts.Length == 1 && local.Success)
        {
            return local.Groups[1].Value;
        }

        return parts.Length == 2
            ? AppDomain.CurrentDomain.GetAssemblies()
                .Where(a => a.GetName().Name!.StartsWith("MailFunctions.", StringComparison.Ordinal))
                .SelectMany(a => a.GetTypes()).Where(t => t.Name == parts[0])
                .Select(t => t.GetField(parts[1], Constants)?.GetRawConstantValue() as string).FirstOrDefault(v => v is not null)
            : null;
    }

    [GeneratedRegex(@"onfiguration(\[(?<key>[^\]]+)\]|\.GetValue(<[^>]+>)?\((?<key>\$?""[^""]*""|[\w.]+))")]
    private static partial Regex DirectRead();

    [GeneratedRegex(@"(Add\w+)\(this ")]
    private static partial Regex Registration();

    [GeneratedRegex("__[0-9]+__")]
    private static partial Regex Index();

    [GeneratedRegex(@"ReadUri\(configuration, ""(?<name>\w+)""\)")]
    private static partial Regex NamedRead();

    [GeneratedRegex(@"\{([^{}]+)\}")]
    private static partial Regex Hole();
}
