using System.CommandLine;
using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Local.Sink;

/// <summary>`sink`: an SMTP server that takes everything and keeps it in files: the rest of the world, on one machine.</summary>
internal static class SinkCommand
{
    public static Command Create()
    {
        var data = new Option<DirectoryInfo>("--data") { Description = "Directory of the messages", Required = true };
        var port = new Option<int>("--port") { Description = "Port of SMTP", DefaultValueFactory = _ => 2526 };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input is closed" };
        var command =
            new Command(
                "sink", "A catch-all SMTP server that keeps what it gets, and refuses recipients named refused…@… and defers deferred…@….")
        {
            data, port, exitWithParent,
        };
        command.SetAction((arguments, cancellationToken) => RunAsync(
            arguments.GetRequiredValue(data), arguments.GetValue(port), arguments.GetValue(exitWithParent), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(DirectoryInfo data, int port, bool exitWithParent, CancellationToken cancellationToken)
    {
        data.Create();
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var parent = exitWithParent ? ParentWatch.Start(stopping) : null;
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
        }
        catch (SocketException e)
        {
            Console.Error.WriteLine($"The port {port} can't be used: {e.Message}");
            return 1;
        }

        Console.WriteLine("ready");
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptTcpClientAsync(stopping.Token), data.FullName, stopping.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
    }

    private static async Task ServeAsync(TcpClient client, string directory, CancellationToken cancellationToken)
    {
        using (client)
        {
            try
            {
                await new SinkSession(client.GetStream(), directory).RunAsync(cancellationToken);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client is gone, or we are to go.
            }
        }
    }
}
