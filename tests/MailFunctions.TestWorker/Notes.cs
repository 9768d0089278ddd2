using System.Text;
using System.Text.Json;

namespace MailFunctions.TestWorker;

/// <summary>What the worker got, line by line in `seen.jsonl` of the app's folder.</summary>
internal static class Notes
{
    private static readonly Lock Lock = new();

    public static void Add<T>(T note)
    {
        lock (Lock)
        {
            // One write a line: a reader, or a killed process, never leaves half a line.
            using var file = new FileStream("seen.jsonl", FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            file.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(note) + "\n"));
        }
    }
}
