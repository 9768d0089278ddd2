using System.Diagnostics;
using System.Globalization;
using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Smtp;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.TestKit;

namespace MailFunctions.Benchmarks;

/// <summary>
/// Feeds sessions with damaged copies of the dialog files, in random pieces: none may throw, hang, leave a message open,
/// say something that is no reply, or hold memory. Each round follows from its seed alone.
/// </summary>
internal static class Fuzz
{
    private const long MayHoldMore = 16 * 1024 * 1024;

    private static readonly SmtpLimits Limits = new() { MessageOctets = 2000, Recipients = 5 };

    /// <summary>What parsers have stumbled over.</summary>
    private static readonly byte[][] Tokens =
    [
        .. new[]
        {
            "\r", "\n", "\r\n", "\0", ".", "\r\n.\r\n", "\n.\n", "\r.\r", "<", ">", "@", "\"", "\\", "[IPv6:", "]", "=", "==", " ", "*\r\n",
            "BDAT 0 LAST\r\n",
            "BDAT 18446744073709551616\r\n", "BDAT 5\r\n", "RSET\r\n", "DATA\r\n", "QUIT\r\n", "STARTTLS\r\n", "AUTH PLAIN =\r\n", "\xff",
            "\xc3", "\xed\xa0\x80", "xn--",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public static async Task<int> RunAsync(string protocol, string[] args)
    {
        var options = Arguments.Parse(
            args, new() { ["seconds"] = "10", ["seed"] = Random.Shared.Next().ToString(CultureInfo.InvariantCulture), ["rounds"] = "0" });
        var (seed, rounds) = (Number(options["seed"]), Number(options["rounds"]));
        var corpus = Corpus(protocol == "pop3");
        var time = Stopwatch.StartNew();
        var round = 0;
        var held = 0L;
        while (rounds > 0 ? round < rounds : time.Elapsed.TotalSeconds < Number(options["seconds"]))
        {
            var random = new Random(seed + round);
            var input = Mutate(random, corpus);
            try
            {
                await PlayAsync(protocol, random, input);
            }
            catch (Exception e)
            {
                Console.WriteLine(
                    $"Failed: {e.Message}\nAgain with: fuzz {protocol} --rounds 1 --seed {seed + round}\nInput, base64: "
                    + $"{Convert.ToBase64String(input)}\n{e}");
                return 1;
            }

            if (++round == 1000)
            {
                held = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        var more = round > 1000 ? GC.GetTotalMemory(forceFullCollection: true) - held : 0;
        Console.WriteLine(
            $"{round} rounds of {protocol} from seed {seed} in {time.Elapsed.TotalSeconds:F0} s; {more / 1024} KiB "
            + "more held than after 1000 rounds");
        return more < MayHoldMore ? 0 : 1;
    }

    private static async Task PlayAsync(string protocol, Random random, byte[] input)
    {
        var server = new TestServer();
        server.Maildrop.Add("Subject: one\r\n\r\n.dot\r\n");
        var pieces = Cut(random, input);
        if (protocol == "pop3")
        {
            Expect((await Session.RunPop3Async(server, pieces)).EndsWith("\r\n", StringComparison.Ordinal), "the last line is whole");
            return;
        }

        var kind = random.Next(2) == 0 ? ListenerKind.Mx : ListenerKind.Submission;
        var replies =
            await Session.RunAsync(
                server, kind, pieces, listener => listener with { Limits = Limits, BadCommands = 10 }, plaintextLogin: random.Next(2) == 0);
        Expect(replies.All(r => r.Length >= 4 && r[0] is >= '2' and <= '5'), "every line is a reply");
        Expect(server.Open == 0, "no message is left open");
        Expect(server.Accepted.All(m => m.Envelope.Recipients.Count is > 0 and <= 5), "every message has its recipients");
    }

    private static void Expect(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException("Not so: " + what);
        }
    }

    /// <summary>What the clients of the dialog files send, without those that need a handshake.</summary>
    private static List<byte[]> Corpus(bool pop3) =>
    [
        .. Directory.EnumerateFiles(
            Path.Combine(Repository.Root, "tests", "MailFunctions.Protocols.Tests", "Dialogs"), "*.txt", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(file => Dialog.Read(file, tls: false))
            .Where(dialog => dialog.Settings["listener"] == "pop3" == pop3)
            .Select(dialog => dialog.Steps.OfType<Step.Send>().SelectMany(s => s.Octets).Take(20_000).ToArray())
            .Where(octets => octets.Length > 0),
    ];

    private static byte[] Mutate(Random random, List<byte[]> corpus)
    {
        List<byte> octets = [.. corpus[random.Next(corpus.Count)]];
        for (var n = random.Next(8); n > 0; n--)
        {
            var at = random.Next(octets.Count + 1);
            var length = Math.Min(random.Next(1, 40), octets.Count - at);
            switch (random.Next(6))
            {
                case 0 when at < octets.Count:
                    octets[at] = (byte)random.Next(256);
                    break;
                case 1:
                    octets.RemoveRange(at, length);
                    break;
                case 2:
                    octets.InsertRange(at, octets.GetRange(at, length));
                    break;
                case 3:
                    octets.InsertRange(at, corpus[random.Next(corpus.Count)]);
                    break;
                case 4:
                    octets.InsertRange(at, Enumerable.Repeat((byte)random.Next(256), random.Next(3000)));
                    break;
                default:
                    octets.InsertRange(at, Tokens[random.Next(Tokens.Length)]);
                    break;
            }
        }

        return [.. octets];
    }

    private static List<byte[]> Cut(Random random, byte[] octets)
    {
        var longest = random.Next(4) switch { 0 => 1, 1 => 20, 2 => 200, _ => 100_000 };
        var pieces = new List<byte[]>();
        for (var at = 0; at < octets.Length; at += pieces[^1].Length)
        {
            pieces.Add(octets[at..(at + Math.Min(random.Next(1, longest + 1), octets.Length - at))]);
        }

        return pieces;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
