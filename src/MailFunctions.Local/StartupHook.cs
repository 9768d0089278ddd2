#pragma warning disable CA1050, IDE0160, IDE0161 // .NET looks for this class without a namespace
using System.Diagnostics;

/// <summary>
/// Runs in the worker's process (DOTNET_STARTUP_HOOKS), before its own program: a worker of the isolated model outlives a
/// host that is killed, and would then deliver beside the next one. Its standard input is held by the host; when that
/// ends, so does the process.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        var watch = new Thread(static () =>
        {
            using var input = Console.OpenStandardInput();
            Span<byte> ignored = stackalloc byte[64];
            try
            {
                while (input.Read(ignored) > 0)
                {
                }
            }
            catch (IOException)
            {
                // Closed: the same as the end.
            }

            Process.GetCurrentProcess().Kill();
        })
        { IsBackground = true, Name = "host watch" };
        watch.Start();
    }
}
