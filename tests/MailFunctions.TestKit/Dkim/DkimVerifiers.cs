using System.Diagnostics;
using System.Text.Json;

namespace MailFunctions.TestKit.Dkim;

/// <summary>What a verifier says of one signature: `pass`, or something else.</summary>
public sealed record DkimVerdict(string Domain, string Selector, string Algorithm, string Result, string Comment, int UnderSized);

/// <summary>Verifiers of DKIM signatures that are not ours. DNS is what the test gives: TXT values by name.</summary>
public static class DkimVerifiers
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>The npm package `mailauth`, for RSA and Ed25519; for each message its signatures from the top.</summary>
    public static async Task<IReadOnlyList<IReadOnlyList<DkimVerdict>>> MailAuthAsync(
        IReadOnlyDictionary<string, string> records, params IReadOnlyList<byte[]> messages)
    {
        using var files = new TemporaryDirectory();
        var lines = await RunAsync("node", [ScriptOf("mailauth.mjs"), .. await WriteAsync(files, records, messages)]);
        return [.. lines.Select(l => JsonSerializer.Deserialize<List<DkimVerdict>>(l, JsonSerializerOptions.Web)!)];
    }

    /// <summary>Debian's `opendkim-testmsg`, for RSA: `0` for each message that it takes, else what it says.</summary>
    public static async Task<IReadOnlyList<string>> OpenDkimAsync(
        IReadOnlyDictionary<string, string> records, params IReadOnlyList<byte[]> messages)
    {
        using var files = new TemporaryDirectory();
        await File.WriteAllTextAsync(files.File("resolv.conf"), "nameserver 127.0.0.1\n");
        var arguments = await WriteAsync(files, records, messages);
        return await RunAsync(
            OptionalTool.PathOf("bwrap"),
            [
                "--unshare-user", "--unshare-net", "--uid", "0", "--gid", "0", "--cap-add", "CAP_NET_BIND_SERVICE", "--die-with-parent",
                "--bind", "/", "/", "--dev", "/dev", "--ro-bind", files.File("resolv.conf"), "/etc/resolv.conf",
                OptionalTool.PathOf("python3"), ScriptOf("opendkim.py"), arguments[0], OptionalTool.PathOf("opendkim-testmsg"),
                .. arguments.Skip(1),
            ]);
    }

    private static string ScriptOf(string name) => Path.Combine(Repository.Root, "tests", "MailFunctions.TestKit", "Dkim", name);

    private static async Task<List<string>> WriteAsync(
        TemporaryDirectory files, IReadOnlyDictionary<string, string> records, IReadOnlyList<byte[]> messages)
    {
        var written = new List<string> { files.File("records.json") };
        await File.WriteAllTextAsync(written[0], JsonSerializer.Serialize(records));
        foreach (var message in messages)
        {
            written.Add(files.File($"{written.Count}.eml"));
            await File.WriteAllBytesAsync(written[^1], message);
        }

        return written;
    }

    private static async Task<IReadOnlyList<string>> RunAsync(string program, IEnumerable<string> arguments)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0
                ? (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await errors}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }
}
