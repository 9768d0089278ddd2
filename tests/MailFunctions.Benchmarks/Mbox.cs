using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;

namespace MailFunctions.Benchmarks;

/// <summary>
/// A mailbox of some size into an account of a stack that runs, and out of it again, through the API's own host: how much
/// memory the function app's process takes for it, and whether what comes out is what went in.
/// </summary>
internal static class Mbox
{
    private const int MessageOctets = 1024 * 1024;

    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args[1..], new() { ["mebibytes"] = "512" });
        var stack = JsonSerializer.Deserialize<StackJson>(await File.ReadAllBytesAsync(args[0]), JsonSerializerOptions.Web)!;
        var messages = int.Parse(options["mebibytes"], CultureInfo.InvariantCulture);
        var process = stack.Processes["functions"];
        using var http = new HttpClient { BaseAddress = new Uri(stack.AdminUrl + "/api/"), Timeout = TimeSpan.FromMinutes(30) };
        http.DefaultRequestHeaders.Add("x-functions-key", stack.AdminKey);
        var account = $"accounts/mbox-{Guid.NewGuid().ToString("N")[..8]}@example.test";
        using (var made = await http.PutAsJsonAsync(account, new { password = "correct horse battery staple" }))
        {
            made.EnsureSuccessStatusCode();
        }

        // A first small one, so that what is measured is the size and not the first use of the code.
        using (var warm = new Messages(2, new LineHash()))
        using (await http.PostAsync($"{account}/import", warm))
        {
            await http.GetStringAsync($"{account}/export");
        }

        using (await http.DeleteAsync(account))
        {
            (await http.PutAsJsonAsync(account, new { password = "correct horse battery staple" })).Dispose();
        }

        using var sent = new LineHash();
        using var received = new LineHash();
        ResetPeak(process);
        var before = Peak(process);
        var started = Stopwatch.GetTimestamp();
        using (var content = new Messages(messages, sent))
        using (var imported = await http.PostAsync($"{account}/import", content))
        {
            Console.WriteLine($"import: {await imported.Content.ReadAsStringAsync()}");
        }

        var importSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var afterImport = Peak(process);
        ResetPeak(process);
        var beforeExport = Peak(process);
        started = Stopwatch.GetTimestamp();
        var octets = 0L;
        using (var export = await http.GetAsync($"{account}/export", HttpCompletionOption.ResponseHeadersRead))
        {
            await using var body = await export.Content.ReadAsStreamAsync();
            var buffer = new byte[64 * 1024];
            for (int read; (read = await body.ReadAsync(buffer)) > 0; octets += read)
            {
                received.Add(buffer.AsSpan(0, read));
            }
        }

        var exportSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var equal = sent.Take() == received.Take();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {messages} messages of 1 MiB, {octets / 1048576.0:0} MiB of mbox; what came out {(equal ? "is" : "IS NOT")} what went in
            import {importSeconds:0.0} s, the function app from {before} to at most {afterImport} MiB; export {exportSeconds:0.0} s, from {beforeExport} to at most {Peak(process)} MiB
            """));
        return equal ? 0 : 1;
    }

    private static void ResetPeak(int process) => File.WriteAllText($"/proc/{process}/clear_refs", "5");

    private static long Peak(int process) => long.Parse(
        File.ReadLines($"/proc/{process}/status")
            .First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;

    /// <summary>Of an mbox file all but the lines `From `, whose sender and date are not the message's.</summary>
    private sealed class LineHash : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly MemoryStream _line = new();

        public void Add(ReadOnlySpan<byte> octets)
        {
            while (!octets.IsEmpty)
            {
                var end = octets.IndexOf((byte)'\n') + 1;
                var part = end == 0 ? octets : octets[..end];
                _line.Write(part);
                octets = octets[part.Length..];
                if (end > 0)
                {
                    var line = _line.GetBuffer().AsSpan(0, (int)_line.Length);
                    if (!line.StartsWith("From "u8))
                    {
                        _hash.AppendData(line);
                    }

                    _line.SetLength(0);
                }
            }
        }

        public string Take() => Convert.ToHexString(_hash.GetHashAndReset());

        public void Dispose()
        {
            _hash.Dispose();
            _line.Dispose();
        }
    }

    /// <summary>Messages of 1 MiB, each different, with lines to be quoted: nowhere as a whole.</summary>
    private sealed class Messages : HttpContent
    {
        private readonly int _count;
        private readonly LineHash _hash;

        public Messages(int count, LineHash hash)
        {
            (_count, _hash) = (count, hash);
            Headers.ContentType = new MediaTypeHeaderValue("application/mbox");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var i = 0; i < _count; i++)
            {
                var message = Message(i);
                _hash.Add(message);
                await stream.WriteAsync(message);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = (long)_count * Message(0).Length;
            return true;
        }

        private static byte[] Message(int number)
        {
            var text = new StringBuilder(MessageOctets);
            text.Append("From sender@elsewhere.test Thu Jan  1 00:00:00 2026\n");
            text.Append(CultureInfo.InvariantCulture, $"Subject: {number:D8}\r\nFrom: a@elsewhere.test\r\n\r\n>From here\r\n");
            var line = $"{number:D8} {new string((char)('a' + (number % 26)), 60)}\r\n";
            while (text.Length < MessageOctets)
            {
                text.Append(line);
            }

            return Encoding.ASCII.GetBytes(text.Append('\n').ToString());
        }
    }
}
