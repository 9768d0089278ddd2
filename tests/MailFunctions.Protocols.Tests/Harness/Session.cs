using System.Text;
using MailFunctions.Protocols.Smtp;

namespace MailFunctions.Protocols.Tests.Harness;

/// <summary>A session that gets its input in given pieces and then the end; what it said, reply by reply.</summary>
internal static class Session
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>Runs an SMTP session to its end; whole replies, their lines joined by line feeds.</summary>
    public static async Task<List<string>> RunAsync(
        TestServer server, string kind, IEnumerable<byte[]> pieces, Func<SmtpListener, SmtpListener>? change = null,
        bool plaintextLogin = false)
    {
        var connection = new MemoryConnection();
        var session = server.RunSmtpAsync(connection, kind, change, plaintextLogin);
        return Replies(await TalkAsync(connection, session, pieces));
    }

    /// <summary>Runs a POP3 session to its end; everything it said.</summary>
    public static async Task<string> RunPop3Async(TestServer server, IEnumerable<byte[]> pieces)
    {
        var connection = new MemoryConnection();
        return Encoding.Latin1.GetString(await TalkAsync(connection, server.RunPop3Async(connection, plaintextLogin: true), pieces));
    }

    private static async Task<byte[]> TalkAsync(MemoryConnection connection, Task session, IEnumerable<byte[]> pieces)
    {
        var said = new MemoryStream();
        var reading = connection.Client.CopyToAsync(said);
        var ended = EndAsync();
        foreach (var piece in pieces)
        {
            try
            {
                await connection.Client.WriteAsync(piece).AsTask().WaitAsync(Limit);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException)
            {
                break; // the session has ended
            }
        }

        connection.CloseClientOutput();
        await ended.WaitAsync(Limit);
        await reading.WaitAsync(Limit);
        return said.ToArray();

        async Task EndAsync()
        {
            try
            {
                await session;
            }
            finally
            {
                await connection.StopReadingAsync();
                await connection.CloseServerAsync();
            }
        }
    }

    private static List<string> Replies(byte[] said)
    {
        var replies = new List<string>();
        var lines = new List<string>();
        foreach (var line in Encoding.Latin1.GetString(said).Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
        {
            lines.Add(line);
            if (line.Length < 4 || line[3] != '-')
            {
                replies.Add(string.Join('\n', lines));
                lines.Clear();
            }
        }

        return replies;
    }
}
