using System.Runtime.InteropServices;

namespace MailFunctions.Local;

/// <summary>Signals to processes of our own, always by their id.</summary>
internal static partial class Processes
{
    private const int Sigterm = 15;

    /// <summary>Asks a process to end (SIGTERM). On Windows there is no such request: the caller's time limit ends it.</summary>
    public static void Terminate(int processId)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = Kill(processId, Sigterm);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
