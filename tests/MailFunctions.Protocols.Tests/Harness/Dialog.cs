using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MailFunctions.Protocols.Tests.Harness;

/// <summary>
/// A conversation as a plain file, in the manner of mail RFCs. `C:` what the client sends, `S:` what the server has to
/// answer, `*` standing for anything; `S*:` a whole SMTP reply, by its last line. `C-TLS` makes the client's handshake, `C-CLOSE` hangs up,
/// `S-CLOSE` wants the server
/// to close. `[plain]` and `[tls]` before a line keep it to connections of that kind. `\r`, `\n`, `\0`, `\xNN`, `\\`
/// write octets; a line that ends in `\` sends no CRLF; `{n*text}` repeats. `# key: value` sets something up, and other
/// lines with `#` are remarks.
/// </summary>
internal sealed class Dialog
{
    private Dialog(IReadOnlyList<Step> steps, IReadOnlyDictionary<string, string> settings) => (Steps, Settings) = (steps, settings);

    public IReadOnlyList<Step> Steps { get; }

    public IReadOnlyDictionary<string, string> Settings { get; }

    public static Dialog Read(string path, bool tls)
    {
        var steps = new List<Step>();
        var settings = new Dictionary<string, string>();
        var number = 0;
        foreach (var text in File.ReadLines(path))
        {
            number++;
            var line = text;
            if (line.StartsWith(tls ? "[plain]" : "[tls]", StringComparison.Ordinal))
            {
                continue;
            }

            line = line.Replace("[plain]", "", StringComparison.Ordinal).Replace("[tls]", "", StringComparison.Ordinal);
            var words = line.Split(": ", 2);
            switch (words[0])
            {
                case "C" or "C:":
                    steps.Add(new Step.Send(number, Octets(words.Length == 2 ? words[1] : "")));
                    break;
                case "S" or "S:":
                    steps.Add(new Step.Expect(number, words.Length == 2 ? words[1] : "", Pattern(words.Length == 2 ? words[1] : "")));
                    break;
                case "S*":
                    steps.Add(new Step.Expect(number, words[1], Pattern(words[1]), WholeReply: true));
                    break;
                case "C-TLS":
                    steps.Add(new Step.StartTls(number));
                    break;
                case "C-CLOSE":
                    steps.Add(new Step.Close(number));
                    break;
                case "S-CLOSE":
                    steps.Add(new Step.ExpectClose(number));
                    break;
                case var remark when remark.StartsWith('#'):
                    if (words.Length == 2)
                    {
                        settings[remark.Trim('#', ' ')] = words[1].Trim();
                    }

                    break;
                case "":
                    break;
                default:
                    throw new FormatException($"{path}:{number}: '{line}' is no line of a dialog.");
            }
        }

        return new Dialog(steps, settings);
    }

    private static byte[] Octets(string text) =>
        !text.EndsWith('\\') || text.EndsWith(@"\\", StringComparison.Ordinal) ? [.. Decode(text), 13, 10] : Decode(text[..^1]);

    /// <summary>Octets as a dialog writes them.</summary>
    public static byte[] Decode(string text)
    {
        text = Regex.Replace(text, @"\{(\d+)\*([^}]*)\}", m =>
            string.Concat(Enumerable.Repeat(m.Groups[2].Value, int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))));
        var octets = new MemoryStream();
        foreach (Match part in Regex.Matches(text, @"\\x([0-9A-Fa-f]{2})|\\(.)|[^\\]+"))
        {
            if (part.Groups[1].Success)
            {
                octets.WriteByte(Convert.ToByte(part.Groups[1].Value, 16));
            }
            else if (part.Groups[2].Success)
            {
                octets.WriteByte(part.Groups[2].Value[0] switch { 'r' => 13, 'n' => 10, '0' => 0, var c => (byte)c });
            }
            else
            {
                octets.Write(Encoding.UTF8.GetBytes(part.Value));
            }
        }

        return octets.ToArray();
    }

    private static Regex Pattern(string text) =>
        new("^" + Regex.Escape(text).Replace(@"\*", ".*", StringComparison.Ordinal) + "$", RegexOptions.Singleline);
}

/// <summary>One line of a dialog.</summary>
internal abstract record Step(int Line)
{
    public sealed record Send(int Line, byte[] Octets) : Step(Line);

    public sealed record Expect(int Line, string Text, Regex Pattern, bool WholeReply = false) : Step(Line);

    public sealed record StartTls(int Line) : Step(Line);

    public sealed record Close(int Line) : Step(Line);

    public sealed record ExpectClose(int Line) : Step(Line);
}
