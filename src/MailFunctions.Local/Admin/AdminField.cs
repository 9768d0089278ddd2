namespace MailFunctions.Local.Admin;

/// <summary>How a value is written on the command line.</summary>
internal enum FieldKind
{
    Text,
    Number,

    /// <summary>Octets: `1GB`, `500 MB`, or a number.</summary>
    Size,

    /// <summary>`yes` or `no`.</summary>
    Flag,

    /// <summary>Said by the option alone.</summary>
    Switch,

    /// <summary>A time of this machine, `2026-01-31 12:00`, or how long ago, `2h`.</summary>
    Time,

    /// <summary>Separated by commas, or given once for each item.</summary>
    List,

    /// <summary>Text that `-` reads from standard input, so that it stands in no list of processes.</summary>
    Secret,
}

/// <summary>A field of the body, or a name of the query.</summary>
/// <param name="Name">As the API has it.</param>
/// <param name="OptionName">Null: `displayName` is `--display-name`.</param>
/// <param name="Nothing">JSON that removes the setting, for `--no-…`; null: it can't be.</param>
internal sealed record AdminField(
    string Name, string Description, FieldKind Kind = FieldKind.Text, string? OptionName = null, string? Nothing = null)
{
    public string Option => "--" + (OptionName ?? string.Concat(Name.Select(Hyphened)));

    public string Removal => "--no-" + Option[2..];

    private static string Hyphened(char c) => char.IsAsciiLetterUpper(c) ? "-" + char.ToLowerInvariant(c) : c.ToString();
}
