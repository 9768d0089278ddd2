using System.Text;

namespace MailFunctions.Local.Stack;

/// <summary>
/// The log file of one child. A line that can't be written, as on a full disk, is lost and nothing else: the first of
/// such a row is said on standard error.
/// </summary>
internal sealed class ChildLog : IDisposable
{
    private const long MaxOctets = 20 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly FileStream _file;
    private bool _failing;
    private bool _isClosed;

    private ChildLog(FileStream file) => _file = file;

    public static ChildLog Open(string directory, string name)
    {
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, name + ".log");
        if (File.Exists(path) && new FileInfo(path).Length > MaxOctets)
        {
            File.Move(path, path + ".old", overwrite: true);
        }

        // nothing is kept for later that can't be written now
        return new ChildLog(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
    }

    public void Write(string line)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            try
            {
                _file.Write(Encoding.UTF8.GetBytes($"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {line}{Environment.NewLine}"));
                _failing = false;
            }
            catch (IOException e)
            {
                if (!_failing)
                {
                    Console.Error.WriteLine($"The log {_file.Name} can't be written: {e.Message} Lines are lost; the processes run on.");
                }

                _failing = true;
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isClosed = true;
            _file.Dispose();
        }
    }
}
