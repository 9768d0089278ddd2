using System.Text;

namespace MailFunctions.Local.Admin.Views;

/// <summary>Rows in columns of equal width, numbers to the right.</summary>
internal static class TextTable
{
    public static string Write(IReadOnlyList<string> columns, IReadOnlyList<IReadOnlyList<string>> rows, string indent = "")
    {
        var widths = columns.Select((c, i) => rows.Select(r => r[i].Length).Append(c.Length).Max()).ToList();
        var right = columns.Select((_, i) => rows.Count > 0 && rows.All(r => r[i].All(IsOfANumber))).ToList();
        var text = new StringBuilder();
        foreach (var row in rows.Prepend(columns))
        {
            var line = string.Join("  ", row.Select((cell, i) => right[i] ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i])));
            text.Append(indent).Append(line.TrimEnd()).Append('\n');
        }

        return text.ToString();
    }

    private static bool IsOfANumber(char c) => char.IsAsciiDigit(c) || c is '.' or '-';
}
