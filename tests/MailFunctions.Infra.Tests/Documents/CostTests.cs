using System.Data;
using System.Globalization;
using System.Text.RegularExpressions;
using MailFunctions.Infra.Tests.Bicep;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>docs/limits-and-cost.md adds up: each sum that it writes out, each column, each price with its source.</summary>
public sealed partial class CostTests(ArmTemplate template)
{
    private static readonly string Text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "limits-and-cost.md"));

    private static readonly List<List<string[]>> Tables = [.. Table().Matches(Text)
        .Select(t => t.Value.Trim().Split('\n').Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray()).ToList())];

    [Fact]
    public void EverySumWrittenOut_IsRight()
    {
        var written = Sum().Matches(Text).Select(m => (Sum: m.Groups["sum"].Value, Value: m.Groups["value"].Value)).ToList();
        var rows = Tables.Single(t => t[0][1] == "sum")
            .Where(row => row[1] is [>= '0' and <= '9', ..]).Select(row => (Sum: row[1], Value: row[2])).ToList();

        Assert.True(written.Count >= 10, $"{written.Count} sums");
        Assert.Equal(9, rows.Count);
        Assert.All(written.Concat(rows), s => Assert.True(
            decimal.Parse(s.Value, CultureInfo.InvariantCulture) == Round(s.Sum), $"{s.Sum} is {Round(s.Sum)}, not {s.Value}"));
    }

    [Fact]
    public void EveryColumnWithASum_AddsUp()
    {
        var summed = Tables.Where(t => t[^1][0] == "**sum**").ToList();

        Assert.Equal(3, summed.Count);
        foreach (var table in summed)
        {
            foreach (var column in Enumerable.Range(1, table[0].Length - 1).Where(c => table[^1][c].Length > 0))
            {
                var expected = table.Skip(2).SkipLast(1).Sum(row => Amount(row[column]));
                Assert.True(Amount(table[^1][column].Trim('*')) == expected, $"{table[0][column]}: {expected}, not {table[^1][column]}");
            }
        }
    }

    [Fact]
    public void EveryPrice_HasItsSource_OrSaysThatThereIsNone()
    {
        var known = Tables.Single(t => t[0].Contains("read on")).Skip(2).Select(row => row[0]).Append("?").ToHashSet();
        var priced = Tables.Where(t => t[0][^1] == "price")
            .SelectMany(t => t.Skip(2)).Where(row => row.Any(cell => cell.Contains('×', StringComparison.Ordinal))).ToList();

        Assert.Equal(16, priced.Count);
        Assert.All(priced, row => Assert.All(row[^1].Split("; "), source => Assert.Contains(source, known)));
    }

    [Fact]
    public void Alerts_AreAsManyAsAreDeployed()
    {
        var metrics = template.OfType("Microsoft.Insights/metricAlerts").Count();
        var queries = template.Module("alerts").Variable("logAlerts")!.AsArray().Count;

        Assert.Contains($"| {metrics} × 0.10 + {queries} × 0.50 = ", Text, StringComparison.Ordinal);
    }

    /// <summary>What stands behind each `=` of a cell, or the cell itself; words are nothing.</summary>
    private static decimal Amount(string cell) => Sum().Matches(cell) is { Count: > 0 } sums
        ? sums.Sum(m => decimal.Parse(m.Groups["value"].Value, CultureInfo.InvariantCulture))
        : decimal.TryParse(cell, NumberStyles.Number, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static decimal Round(string sum)
    {
        var expression = sum.Replace(",", "", StringComparison.Ordinal).Replace(" M", "000000", StringComparison.Ordinal).Replace('×', '*');
        using var calculator = new DataTable { Locale = CultureInfo.InvariantCulture };
        // A fraction in front: whole numbers would be multiplied as such, and be too large for it.
        return Math.Round(Convert.ToDecimal(calculator.Compute("1.0 * " + expression, null), CultureInfo.InvariantCulture), 2,
            MidpointRounding.AwayFromZero);
    }

    [GeneratedRegex(@"(^\|.*\n)+", RegexOptions.Multiline)]
    private static partial Regex Table();

    [GeneratedRegex(@"(?<sum>\d[\d.,M ×/+()]*) = (?<value>\d+\.\d+)")]
    private static partial Regex Sum();
}
