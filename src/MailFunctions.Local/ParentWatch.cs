namespace MailFunctions.Local;

/// <summary>Ends a child process with its parent: the parent holds the child's standard input open for as long as it lives.</summary>
internal sealed class ParentWatch : IDisposable
{
    private readonly Stream _input = Console.OpenStandardInput();

    private ParentWatch()
    {
    }

    public static ParentWatch Start(CancellationTokenSource stopping)
    {
        var watch = new ParentWatch();
        var thread = new Thread(() => watch.ReadToEnd(stopping)) { IsBackground = true, Name = "parent watch" };
        thread.Start();
        return watch;
    }

    private void ReadToEnd(CancellationTokenSource stopping)
    {
        try
        {
            Span<byte> ignored = stackalloc byte[256];
            while (_input.Read(ignored) > 0)
            {
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Closed: the same as the end.
        }

        try
        {
            stopping.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended already.
        }
    }

    public void Dispose() => _input.Dispose();
}
