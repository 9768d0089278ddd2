using System.Runtime.CompilerServices;
using Xunit;
using Xunit.v3;

namespace MailFunctions.TestKit;

/// <summary>A program that makes further tests run where it is installed: a mail client, a verifier, a sandbox.</summary>
/// <param name="Package">Debian's package, which `.ci/run tools` installs.</param>
public sealed record OptionalTool(string Program, string Package)
{
    /// <summary>All of them; a program that is not in here is not started by tests.</summary>
    public static IReadOnlyList<OptionalTool> All { get; } =
    [
        new("buildah", "buildah"), new("bwrap", "bubblewrap"), new("curl", "curl"), new("fetchmail", "fetchmail"),
        new("getmail", "getmail6"), new("gsasl", "gsasl"), new("mpop", "mpop"), new("msmtp", "msmtp"),
        new("mutt", "mutt"), new("opendkim-testmsg", "opendkim-tools"), new("openssl", "openssl"), new("python3", "python3"),
        new("s-nail", "s-nail"), new("smtp-sink", "postfix"),
        new("swaks", "swaks"), new("tar", "tar"), new("thunderbird", "thunderbird"),
        new("Xvfb", "xvfb"),
    ];

    /// <summary>The path of a tool that the running test has named.</summary>
    /// <exception cref="InvalidOperationException">The test lacks its <see cref="ToolFactAttribute"/>: nothing would skip it where the tool
    /// is absent.</exception>
    public static string PathOf(string program) =>
        TestContext.Current.Test?.Traits.TryGetValue(ToolFactAttribute.Trait, out var named) != true || !named!.Contains(program)
            ? throw new InvalidOperationException($"This test uses {program}: mark it [ToolFact(\"{program}\")].")
            : Find(program) ?? throw new InvalidOperationException(Named(program).Absent);

    internal static OptionalTool Named(string program) =>
        All.FirstOrDefault(t => t.Program == program)
            ?? throw new InvalidOperationException($"{program} is not in {nameof(OptionalTool)}.{nameof(All)}.");

    /// <summary>A sentence on the first that is absent; null: all are there.</summary>
    internal static string? Missing(params IEnumerable<string> programs) =>
        programs.Select(Named).FirstOrDefault(t => Find(t.Program) is null)?.Absent;

    internal string Absent => $"{Program} is not installed (Debian: apt-get install {Package}).";

    /// <summary>By PATH, and by the `sbin` beside each of its `bin`, which is not in a user's PATH. Null: it is not there.</summary>
    internal static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(folder => Path.GetFileName(folder) == "bin" ? (string[])[folder, Path.Combine(folder, "..", "sbin")] : [folder])
        .Select(folder => Path.GetFullPath(Path.Combine(folder, program)))
        .FirstOrDefault(File.Exists);
}

/// <summary>A test that needs optional tools: it is skipped with a sentence where one is absent, and found by its trait.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolFactAttribute : FactAttribute, ITraitAttribute
{
    public const string Trait = "Tool";

    private readonly string[] _programs;

    public ToolFactAttribute(
        string program, string? second = null, string? third = null, [CallerFilePath] string? sourceFilePath = null,
        [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        _programs = [.. new[] { program, second, third }.OfType<string>()];
        Skip = OptionalTool.Missing(_programs);
    }

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [.. _programs.Select(p => KeyValuePair.Create(Trait, p))];
}

/// <summary>The same for a theory, which needs one tool.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ToolTheoryAttribute : TheoryAttribute, ITraitAttribute
{
    private readonly string _program;

    public ToolTheoryAttribute(string program, [CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber)
    {
        _program = program;
        Skip = OptionalTool.Missing(program);
    }

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [KeyValuePair.Create(ToolFactAttribute.Trait, _program)];
}
