using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using MailFunctions.Core.Addresses;
using MailFunctions.Protocols.Smtp;
using MailFunctions.TestKit;
using MimeKit;
using Xunit;

namespace MailFunctions.Protocols.Tests.Smtp;

/// <summary>Whose mail a From field says it is: nobody's but those that are checked, for any reader.</summary>
public sealed partial class MailboxListTests
{
    private const string Own = "me@ours.test";

    /// <summary>Fields of people and programs that mean no harm.</summary>
    [Theory]
    [InlineData("me@ours.test")]
    [InlineData(" Me <me@ours.test>")]
    [InlineData("\"Me, Myself\" <me@ours.test> (at work)")]
    [InlineData("=?utf-8?q?M=C3=BCller=2C_Hans?= <me@ours.test>")]
    [InlineData("=?iso-2022-jp?B?GyRCQEBEOxsoQg==?= <me@ours.test>")] // octets that look like @@D;
    [InlineData("=?shift_jis?Q?a=83=40=83=40b?= <me@ours.test>")]
    [InlineData("=?big5?Q?a=A1=40b?= <me@ours.test>")]
    [InlineData("me@ours.test <me@ours.test>")]
    [InlineData("\"'me@ours.test'\" <me@ours.test>")]
    [InlineData("\"Me @ Home\" <me@ours.test>")]
    [InlineData("us: me@ours.test, Me <me@ours.test>;")]
    [InlineData("Me (not @all) <me@ours.test>")]
    public void Parse_OwnAddressOnly_IsTheOneAuthor(string field) =>
        Assert.Equal([Own], MailboxList.Parse(field)?.Select(a => a.ToString()));

    /// <summary>Fields in which some reader sees the chief of a bank.</summary>
    [Theory]
    [InlineData("chief@bank.example:;, me@ours.test")]
    [InlineData("chief@bank.example: me@ours.test;")]
    [InlineData("chief@bank.example <me@ours.test>")]
    [InlineData("me@ours.test <chief@bank.example>")]
    [InlineData("\"chief@bank.example\" <me@ours.test>")]
    [InlineData("me@ours.test (chief@bank.example)")]
    [InlineData("me@ours.test (chief@bank.example")]
    [InlineData("\"chief@bank.example\"@ours.test")]
    [InlineData("<chief@bank.example>, me@ours.test")]
    [InlineData("chief@bank.example, me@ours.test")]
    [InlineData("chief@bank.example me@ours.test")]
    [InlineData("chief @ bank.example, me@ours.test")]
    [InlineData("chief(x)@bank(y).example, me@ours.test")]
    [InlineData("chief@\"bank\".example <me@ours.test>")]
    [InlineData("<@bank.example:me@ours.test>")]
    [InlineData("<chief@bank.example> <me@ours.test>")]
    [InlineData("chief, me@ours.test")]
    [InlineData("chief@bank_x.example <me@ours.test>")]
    [InlineData("=?utf-8?q?chief=40bank.example?= <me@ours.test>")]
    [InlineData("=?utf-8?q?chief=40bank.example=2C?= <me@ours.test>")]
    [InlineData("=?utf-8?q?chief?= =?utf-8?q?=40bank.example?= <me@ours.test>")]
    [InlineData("=?us-ascii*en?B?Y2hpZWZAYmFuay5leGFtcGxl?= <me@ours.test>")]
    [InlineData("=?utf-8?B?Y2hpZWZAYmFuay5leGFtcGxl!?= <me@ours.test>")]
    [InlineData("=?utf-8?q?=22chief=22=40bank.example=2C?= <me@ours.test>")]
    [InlineData("=?utf-7?q?chief+AEA-bank.example=2C?= <me@ours.test>")]
    [InlineData("=?utf-16?B?AGMAQABi?= <me@ours.test>")]
    [InlineData("=?windows-1252?q?=E9chief=40bank.example?= <me@ours.test>")]
    [InlineData("=?iso-8859-1?q?=1B$chief=40bank.example?= <me@ours.test>")]
    [InlineData("=?utf-8?q?chief@bank.example?= <me@ours.test>")]
    [InlineData("=?utf-8?q?chief_=40_bank.example=2C?= <me@ours.test>")]
    [InlineData("\"[me@ours.test\" > <me@ours.test>")]
    [InlineData("me@ours.test\0chief@bank.example")]
    public void Parse_SomeReaderSeesAnother_IsNotOneAuthor(string field) =>
        Assert.NotEqual([Own], MailboxList.Parse(field)?.Select(a => a.ToString()));

    private static readonly Gen<string> Field = Gen.OneOf<string>(
        Own, "chief@bank.example", "<", ">", "(", ")", "\"", ":", ";", ",", "@", " ", "\\", ".", "me", "chief", "bank.example", "ours.test",
        "<me@ours.test>", "=?utf-8?q?", "?=", "=40", "=2C", "=22", "[", "]", "\t", "\u00fc", "'",
        "=?utf-8?b?Y2hpZWZAYmFuay5leGFtcGxlLA==?=")
        .Array[1, 8].Select(string.Concat);

    [Fact]
    public void Parse_TakenAsOneAuthor_IsThatForMimeKitAndASearch()
    {
        var taken = Taken();

        Assert.True(taken.Count > 100, $"Only {taken.Count} fields were taken.");
        Assert.All(taken, field => Assert.All([.. SeenByMimeKit(field), .. SeenBySearch(field)], a => Assert.Equal(Own, a)));
    }

    [ToolFact("python3")]
    public void Parse_TakenAsOneAuthor_IsThatForPython() => Assert.All(
        SeenByPython([.. Taken().Order(StringComparer.Ordinal).Take(5000)]),
        seen => Assert.True(
            seen.Address == Own || EmailAddress.ParseReversePath(seen.Address) is null, $"Python sees {seen.Address} in {seen.Field}"));

    /// <summary>Fields in which the own address stands among anything, and that were taken.</summary>
    private static HashSet<string> Taken()
    {
        var taken = new HashSet<string>();
        Gen.Select(Field, Gen.Bool).Sample(
            (noise, before) =>
            {
                var first = before ? noise + $"<{Own}>" : noise + $", {Own}";
                foreach (var field in (string[])[noise, first, $"{Own}, {noise}", $"x <{Own}>{noise}"])
                {
                    if (MailboxList.Parse(field) is [var only] && only.ToString() == Own)
                    {
                        lock (taken)
                        {
                            taken.Add(field);
                        }
                    }
                }
            },
            iter: 20_000);
        return taken;
    }

    private static IEnumerable<string> SeenByMimeKit(string field) =>
        InternetAddressList.TryParse(field, out var list)
            ? list.Mailboxes.Select(m => m.Address).Where(a => a.Contains('@', StringComparison.Ordinal))
            : [];

    private static IEnumerable<string> SeenBySearch(string field) => Searched().Matches(field).Select(m => m.Value);

    /// <summary>What `email.utils.getaddresses` gives, for the raw field and for the decoded one, strict and not.</summary>
    private static List<(string Field, string Address)> SeenByPython(string[] fields)
    {
        const string Program = """
            import sys, json, inspect
            from email.utils import getaddresses
            from email.header import decode_header, make_header
            strict = 'strict' in inspect.signature(getaddresses).parameters
            seen = []
            for field in json.load(sys.stdin):
                texts = [field]
                try: texts.append(str(make_header(decode_header(field))))
                except Exception: pass
                for text in texts:
                    for options in ([{'strict': True}, {'strict': False}] if strict else [{}]):
                        for name, address in getaddresses([text], **options):
                            if '@' in address: seen.append([field, address])
            json.dump(seen, sys.stdout)
            """;
        var start = new ProcessStartInfo(OptionalTool.PathOf("python3"), ["-c", Program])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Write(JsonSerializer.Serialize(fields));
        process.StandardInput.Close();
        return [.. JsonSerializer.Deserialize<string[][]>(process.StandardOutput.ReadToEnd())!.Select(pair => (pair[0], pair[1]))];
    }

    [GeneratedRegex(@"[\w.!#$%&*+/=?^`{|}~-]+@[\w.-]*\w")]
    private static partial Regex Searched();
}
