using System.Text;
using MailFunctions.TestKit;
using MailFunctions.TestKit.Dkim;
using Xunit;

namespace MailFunctions.Functions.Tests.Dkim;

/// <summary>Signatures of ours under verifiers of others: taken as they are, refused when anything of them is touched.</summary>
public sealed class SignatureTests
{
    private const string Header =
        "Received: by us\r\nFrom: Alice <alice@example.test>\r\nTo: bob@one.test\r\nSubject: Hello\r\nDate: Mon, 23 Nov 2026 10:00:00 "
        + "+0000\r\nMessage-ID: <1@example.test>\r\n";

    private readonly TestDkim _dkim = new();

    public static TheoryData<string, string> Oddities => new()
    {
        { "plain", Header + "\r\nHello\r\n" },
        { "8-bit", Header + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\näöü €\r\n" },
        { "8-bit header", Header.Replace("Hello", "Grüße", StringComparison.Ordinal) + "\r\nx\r\n" },
        { "folded", Header + "X-Other: 1\r\nReferences: <a@x>\r\n\t<b@x>\r\n   <c@x>\r\nReply-To:\r\n alice@example.test\r\n\r\nx\r\n" },
        { "folded to a white line", Header + "Reply-To: alice@example.test\r\n \r\nCc: c@one.test\r\n\r\nx\r\n" },
        { "white space", Header.Replace("Subject: Hello", "SUBJECT  :   a \t b  ", StringComparison.Ordinal) + "\r\n  a  \t b \t\r\n\t\r\n c\r\n" },
        { "trailing lines", Header + "\r\nx\r\n\r\n  \r\n\t\r\n\r\n" },
        { "lines in between", Header + "\r\n\r\n\r\nx\r\n\r\n\r\n\r\ny\r\n" },
        { "empty body", Header + "\r\n" },
        { "white body", Header + "\r\n  \r\n\r\n" },
        { "no line break at the end", Header + "\r\nx\r\ny" },
        { "white space at the end", Header + "\r\nx\r\ny  " },
        { "duplicates", Header + "Subject: again\r\nTo: c@one.test\r\nSubject: once more\r\n\r\nx\r\n" },
        { "long lines", Header + "X-Long: " + new string('x', 5000) + "\r\nComments: y\r\n\r\n" + new string('z', 100_000) + "\r\n" + string.Concat(Enumerable.Repeat("ab  ", 20_000)) + "\r\n" },
        { "dots", Header + "\r\n.\r\n..\r\n.x\r\n" },
        { "lists", Header + "List-Unsubscribe: <https://example.test/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nSender: alice@example.test\r\nMIME-Version: 1.0\r\nIn-Reply-To: <2@x>\r\n\r\nx\r\n" },
        { "sub-domain's letters", Header.Replace("alice@example.test", "alice@EXAMPLE.Test", StringComparison.Ordinal) + "\r\nx\r\n" },
        { "large", Header + "\r\n" + string.Concat(Enumerable.Range(0, 40_000).Select(i => $"line {i}  with\twhite space  \r\n")) },
    };

    [Fact]
    public async Task Sign_OddContent_PassesUnderMailAuthForBothKeys()
    {
        var (names, signed) = await SignAllAsync();

        var verdicts = await DkimVerifiers.MailAuthAsync(_dkim.Records(), signed);

        Assert.Equal(names.Count, verdicts.Count);
        Assert.All(names.Zip(verdicts), one => Assert.True(
            one.Second.Select(v => $"{v.Algorithm} {v.Result} {v.Domain} {v.UnderSized}").SequenceEqual(
                ["rsa-sha256 pass example.test 0", "ed25519-sha256 pass example.test 0"]),
            $"{one.First}: {string.Join(" | ", one.Second)}"));
    }

    [ToolFact("opendkim-testmsg", "bwrap", "python3")]
    public async Task Sign_OddContent_PassesUnderOpenDkim()
    {
        var (names, signed) = await SignAllAsync(but: "duplicates"); // it takes no message with two subjects, whatever their signature

        var verdicts = await DkimVerifiers.OpenDkimAsync(_dkim.Records(), [.. signed.Select(WithoutEd25519).Select(AsDataBringsIt)]);

        Assert.Equal(names.Select(n => $"{n}: 0"), names.Zip(verdicts, (n, v) => $"{n}: {v.Trim()}"));
    }

    [Fact]
    public async Task Sign_WhateverIsTouched_IsRefused()
    {
        var (touched, signed, records) = await TouchedAsync();

        var passed = (await DkimVerifiers.MailAuthAsync(records, [.. touched.Values, signed]))
            .Select(v => v.Count(one => one.Result == "pass")).ToList();

        Assert.Empty(touched.Keys.Where((_, i) => passed[i] > 0));
        Assert.Equal(2, passed[^1]); // untouched
        Assert.True(touched.Count > 45);
    }

    [ToolFact("opendkim-testmsg", "bwrap", "python3")]
    public async Task Sign_WhateverIsTouched_IsRefusedByOpenDkim()
    {
        var (touched, signed, records) = await TouchedAsync();

        var verdicts = await DkimVerifiers.OpenDkimAsync(records, [.. touched.Values.Select(WithoutEd25519), WithoutEd25519(signed)]);

        Assert.Empty(touched.Keys.Where((_, i) => verdicts[i].StartsWith('0')));
        Assert.Equal('0', verdicts[^1][0]);
    }

    /// <summary>One signed message, changed in each way that a signature has to notice, and the keys that both verifiers find.</summary>
    private async Task<(Dictionary<string, byte[]> Touched, byte[] Signed, Dictionary<string, string> Records)> TouchedAsync()
    {
        var signed = Encoding.UTF8.GetString(await _dkim.SignAsync(
            Header
                + "Cc: c@one.test\r\nReply-To: r@example.test\r\nIn-Reply-To: <2@x>\r\nReferences: <2@x>\r\nMIME-Version: 1.0\r\n"
                    + "Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\nList-Id: "
                        + "<l.example.test>\r\n\r\nHello\r\n\r\nWorld\r\n"));
        var header = signed[signed.IndexOf("Received:", StringComparison.Ordinal)..signed.IndexOf("\r\n\r\n", StringComparison.Ordinal)];
        var touched = new Dictionary<string, string>
        {
            ["a word of the body"] = signed.Replace("World", "Moon", StringComparison.Ordinal),
            ["a line more"] = signed + "more\r\n",
            ["an empty line in between"] = signed.Replace("Hello\r\n\r\nWorld", "Hello\r\nWorld", StringComparison.Ordinal),
            ["the time of the signature"] = signed.Replace("; t=1", "; t=2", StringComparison.Ordinal),
            ["the domain"] = signed.Replace("d=example.test", "d=evil.test", StringComparison.Ordinal),
        };
        foreach (var field in header.Split("\r\n").Where(f => !f.StartsWith("Received", StringComparison.Ordinal)))
        {
            var name = field.Split(':')[0];
            touched[$"{name} changed"] = signed.Replace("\r\n" + field, $"\r\n{field}x", StringComparison.Ordinal);
            touched[$"{name} left out"] = signed.Replace("\r\n" + field, "", StringComparison.Ordinal);
            if (name != "List-Id")
            {
                touched[$"{name} added above"] = signed.Replace("Received:", $"{field}x\r\nReceived:", StringComparison.Ordinal);
                touched[$"{name} added below"] = signed.Replace("\r\n\r\nHello", $"\r\n{field}x\r\n\r\nHello", StringComparison.Ordinal);
            }
        }

        var records = _dkim.Records();
        foreach (var (name, value) in _dkim.Records())
        {
            records[name.Replace("example.test", "evil.test", StringComparison.Ordinal)] = value;
        }

        return (touched.ToDictionary(t => t.Key, t => Encoding.UTF8.GetBytes(t.Value)), Encoding.UTF8.GetBytes(signed), records);
    }

    [Fact]
    public async Task Sign_UntouchedByWhatRelaxedAllows_StillPasses()
    {
        var signed = Encoding.UTF8.GetString(await _dkim.SignAsync(Header + "\r\nHello  World \r\n\r\n"));
        byte[][] changed =
        [
            Encoding.UTF8.GetBytes(signed.Replace("Subject: Hello", "subject:  Hello ", StringComparison.Ordinal)),
            Encoding.UTF8.GetBytes(signed.Replace("Hello  World \r\n\r\n", "Hello World\r\n\r\n\r\n", StringComparison.Ordinal)),
            Encoding.UTF8.GetBytes("Received: by another\r\n" + signed),
        ];

        var verdicts = await DkimVerifiers.MailAuthAsync(_dkim.Records(), changed);

        Assert.All(verdicts, v => Assert.Equal(["pass", "pass"], v.Select(one => one.Result)));
    }

    private async Task<(IReadOnlyList<string> Names, byte[][] Signed)> SignAllAsync(string but = "")
    {
        var signed = new List<byte[]>();
        var names = new List<string>();
        foreach (var (name, message) in Oddities.Select(o => o.Data).Where(o => o.Item1 != but))
        {
            names.Add(name);
            signed.Add(await _dkim.SignAsync(message));
        }

        return (names, [.. signed]);
    }

    /// <summary>The signatures do not cover each other; Debian's opendkim knows RSA alone.</summary>
    private static byte[] WithoutEd25519(byte[] signed)
    {
        var text = Encoding.Latin1.GetString(signed);
        var second = text.IndexOf("DKIM-Signature: v=1; a=ed25519", StringComparison.Ordinal);
        var end = second;
        do
        {
            end = text.IndexOf("\r\n", end, StringComparison.Ordinal) + 2;
        }
        while (text[end] == '\t');

        return Encoding.Latin1.GetBytes(text.Remove(second, end - second));
    }

    /// <summary>RFC 5321 §4.1.1.4: there is always a line break before the final dot.</summary>
    private static byte[] AsDataBringsIt(byte[] message) => message.AsSpan().EndsWith("\r\n"u8) ? message : [.. message, .. "\r\n"u8];
}
