using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Smtp;
using Xunit;

namespace MailFunctions.Protocols.Tests.Harness;

/// <summary>How the client's octets are cut into writes.</summary>
public enum Chunking
{
    /// <summary>All that stands between two answers in one write.</summary>
    Whole,
    Lines,
    Octets,
}

/// <summary>Plays a dialog against a session in memory.</summary>
internal static class DialogRunner
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Plays it and checks every answer; gives the server with what it took in.</summary>
    public static async Task<TestServer> RunAsync(string path, Chunking chunking, bool tls)
    {
        using var limit = new CancellationTokenSource(Limit);
        var dialog = Dialog.Read(path, tls);
        var server = new TestServer
        {
            IntakeFails = dialog.Settings.ContainsKey("intake fails"),
            IntakeHasNoRoom = dialog.Settings.ContainsKey("intake has no room"),
            MaildropInUse = dialog.Settings.ContainsKey("maildrop in use"),
            ExpireAfterDays = dialog.Settings.TryGetValue("expire after days", out var days)
                ? int.Parse(days, System.Globalization.CultureInfo.InvariantCulture)
                : null,
            LoginDelay = dialog.Settings.TryGetValue("login delay", out var delay)
                ? int.Parse(delay, System.Globalization.CultureInfo.InvariantCulture)
                : null,
        };
        foreach (var (key, value) in dialog.Settings.Where(s => s.Key.StartsWith("message ", StringComparison.Ordinal)).OrderBy(s => s.Key))
        {
            server.Maildrop.Add(value.Replace(@"\r\n", "\r\n", StringComparison.Ordinal));
        }

        if (dialog.Settings.TryGetValue("gone", out var gone))
        {
            server.Maildrop.Messages[uint.Parse(gone, System.Globalization.CultureInfo.InvariantCulture)] = null;
        }

        if (dialog.Settings.TryGetValue("deletes at most", out var deletes))
        {
            server.Maildrop.DeletesAtMost = int.Parse(deletes, System.Globalization.CultureInfo.InvariantCulture);
        }

        var connection = new MemoryConnection(canStartTls: !dialog.Settings.ContainsKey("no certificate"));
        if (tls)
        {
            await connection.UseImplicitTlsAsync(limit.Token);
        }

        var early = dialog.Steps[0] is Step.Send;
        var plaintextLogin = dialog.Settings.ContainsKey("plaintext login");
        async Task Session()
        {
            Task running = dialog.Settings["listener"] switch
            {
                "pop3" => server.RunPop3Async(connection, plaintextLogin),
                var kind => server.RunSmtpAsync(connection, kind == "mx" ? ListenerKind.Mx : ListenerKind.Submission,
                    listener => With(listener, dialog.Settings), plaintextLogin),
            };
            await running;
            await connection.StopReadingAsync();
        }

        var session = early ? null : Session();
        var reader = new LineReader(connection);
        for (var i = 0; i < dialog.Steps.Count; i++)
        {
            var step = dialog.Steps[i];
            switch (step)
            {
                case Step.Send:
                    var sends = dialog.Steps.Skip(i).TakeWhile(s => s is Step.Send).Cast<Step.Send>().ToList();
                    await SendAsync(connection, sends, chunking, limit.Token);
                    i += sends.Count - 1;
                    session ??= Session();
                    break;
                case Step.Expect expect:
                    var line = await reader.ReadAsync(limit.Token);
                    while (expect.WholeReply && line is { Length: > 3 } && line[3] == '-')
                    {
                        line = await reader.ReadAsync(limit.Token);
                    }

                    Assert.True(
                        line is not null && expect.Pattern.IsMatch(line),
                        $"{Path.GetFileName(path)}:{expect.Line}: expected\n  S: {expect.Text}\nbut the server said\n  "
                        + $"{(line is null ? "nothing, and closed" : "S: " + line)}");
                    break;
                case Step.StartTls:
                    await connection.ClientStartTlsAsync(limit.Token);
                    break;
                case Step.Close:
                    connection.CloseClient();
                    break;
                case Step.ExpectClose:
                    await session!.WaitAsync(limit.Token);
                    await connection.CloseServerAsync();
                    var more = await reader.ReadAsync(limit.Token);
                    Assert.True(more is null, $"{Path.GetFileName(path)}:{step.Line}: the server said more before it closed:\n  S: {more}");
                    break;
            }
        }

        connection.CloseClient();
        await session!.WaitAsync(limit.Token);
        Assert.Equal(0, server.Open);
        return server;
    }

    private static SmtpListener With(SmtpListener listener, IReadOnlyDictionary<string, string> settings) => listener with
    {
        Limits = new SmtpLimits
        {
            MessageOctets = settings.TryGetValue("message octets", out var octets)
                ? long.Parse(octets, System.Globalization.CultureInfo.InvariantCulture)
                : 1000,
            Recipients = settings.TryGetValue("recipients", out var recipients)
                ? int.Parse(recipients, System.Globalization.CultureInfo.InvariantCulture)
                : 100,
        },
        BadCommands = settings.TryGetValue("bad commands", out var bad)
            ? int.Parse(bad, System.Globalization.CultureInfo.InvariantCulture)
            : 20,
    };

    private static async Task SendAsync(
        MemoryConnection connection, List<Step.Send> sends, Chunking chunking, CancellationToken cancellationToken)
    {
        IEnumerable<ReadOnlyMemory<byte>> writes = chunking switch
        {
            Chunking.Whole => [sends.SelectMany(s => s.Octets).ToArray()],
            Chunking.Lines => sends.Select(s => (ReadOnlyMemory<byte>)s.Octets),
            _ => sends.SelectMany(s => s.Octets).Select(o => (ReadOnlyMemory<byte>)new[] { o }),
        };
        foreach (var write in writes)
        {
            try
            {
                await connection.Client.WriteAsync(write, cancellationToken);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException)
            {
                return; // the server has closed; what it said tells whether it should have
            }

            if (chunking != Chunking.Whole)
            {
                await Task.Yield();
            }
        }
    }

    private sealed class LineReader(MemoryConnection connection)
    {
        private readonly byte[] _one = new byte[1];

        public async Task<string?> ReadAsync(CancellationToken cancellationToken)
        {
            var line = new MemoryStream();
            while (true)
            {
                int read;
                try
                {
                    read = await connection.Client.ReadAsync(_one, cancellationToken);
                }
                catch (Exception e) when (e is IOException or InvalidOperationException)
                {
                    read = 0;
                }

                if (read == 0)
                {
                    return line.Length > 0 ? Encoding.UTF8.GetString(line.ToArray()) : null;
                }

                if (_one[0] == '\n')
                {
                    return Encoding.UTF8.GetString(line.ToArray()).TrimEnd('\r');
                }

                line.WriteByte(_one[0]);
            }
        }
    }
}
