using System.Diagnostics;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>Runs mail clients as Debian packs them, each with a home of its own.</summary>
internal static class DebianClient
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Writes a client's settings, which hold a password: the clients insist that no one else can read them.</summary>
    public static async Task<string> WriteAsync(TemporaryDirectory home, string name, string text)
    {
        await File.WriteAllTextAsync(home.File(name), text + "\n", TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(home.File(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return home.File(name);
    }

    /// <summary>What it says; the test is skipped when it is not installed.</summary>
    public static Task<string> RunAsync(TemporaryDirectory home, string program, string arguments) =>
        RunAsync(home, new ProcessStartInfo(program, arguments));

    public static async Task<string> RunAsync(TemporaryDirectory home, ProcessStartInfo start, string input = "")
    {
        using var limit = new CancellationTokenSource(Limit);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.Environment["HOME"] = home.Path;
        start.Environment["FETCHMAILHOME"] = home.Path;
        start.Environment["MAILRC"] = home.File("mailrc");
        start.FileName = OptionalTool.PathOf(Path.GetFileName(start.FileName));
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        Assert.True(process.ExitCode == 0, $"{start.FileName} ended with {process.ExitCode}:\n{await errors}\n{await output}");
        return await output;
    }
}
