using System.Diagnostics;
using MailFunctions.TestKit;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>`openssl s_client`, which does with TLS what .NET's client does not.</summary>
internal static class OpenSsl
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>Connects, waits for what the server says first, types the lines; what it printed.</summary>
    public static async Task<string> ClientAsync(string[] options, params string[] lines)
    {
        var start = new ProcessStartInfo(OptionalTool.PathOf("openssl"), ["s_client", .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            try
            {
                foreach (var line in lines)
                {
                    await Task.Delay(500, limit.Token); // s_client takes its own commands, such as R, by the read
                    await process.StandardInput.WriteAsync(line + "\n");
                    await process.StandardInput.FlushAsync(limit.Token);
                }

                await Task.Delay(500, limit.Token);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended already, which its output explains.
            }

            await process.WaitForExitAsync(limit.Token);
            return await output + await errors;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
