using System.Diagnostics;
using System.Text.Json;

namespace MailFunctions.Local.Stack;

/// <summary>
/// The child processes by name, written down at each change: a stack that was killed leaves some of them behind, and
/// the next one on the same directory ends them. A process counts as the one written down only by id and start time.
/// </summary>
internal sealed class LeftoverProcesses(string path)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public void Write(IReadOnlyDictionary<string, ProcessRecord> processes) =>
        PrivateFile.Write(
            path,
            JsonSerializer.SerializeToUtf8Bytes(
                new Dictionary<string, ProcessRecord>(processes), StackJson.Default.DictionaryStringProcessRecord));

    public async Task EndAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            return;
        }

        Dictionary<string, ProcessRecord>? left;
        try
        {
            left =
                JsonSerializer.Deserialize(
                    await File.ReadAllBytesAsync(path, cancellationToken), StackJson.Default.DictionaryStringProcessRecord);
        }
        catch (JsonException)
        {
            left = null;
        }

        await EndAsync((left ?? []).Values, cancellationToken);
        File.Delete(path);
    }

    public static Task EndAsync(IEnumerable<ProcessRecord> records, CancellationToken cancellationToken) =>
        Task.WhenAll(records.Select(record => EndAsync(record, cancellationToken)));

    private static async Task EndAsync(ProcessRecord record, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.GetProcessById(record.Id);
            if (Math.Abs((process.StartTime.ToUniversalTime() - record.StartedAt).TotalSeconds) > 1)
            {
                return; // the id belongs to another program by now
            }

            Processes.Terminate(record.Id);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Patience);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                process.Kill(entireProcessTree: true);
            }
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // It is gone.
        }
    }
}
