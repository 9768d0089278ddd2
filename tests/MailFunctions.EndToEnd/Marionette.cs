using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace MailFunctions.EndToEnd;

/// <summary>Mozilla's remote control: frames of `octets:[type, id, command or error, parameters or result]` over TCP.</summary>
internal sealed class Marionette : IDisposable
{
    private readonly TcpClient _tcp;
    private int _last;

    private Marionette(TcpClient tcp) => _tcp = tcp;

    /// <summary>Waits until it listens, and takes the privileged context.</summary>
    public static async Task<Marionette> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        while (true)
        {
            var tcp = new TcpClient();
            try
            {
                await tcp.ConnectAsync("127.0.0.1", port, cancellationToken);
                var marionette = new Marionette(tcp);
                await marionette.ReadAsync(cancellationToken);
                await marionette.AskAsync("WebDriver:NewSession", new { }, cancellationToken);
                await marionette.AskAsync("Marionette:SetContext", new { value = "chrome" }, cancellationToken);
                await marionette.AskAsync("WebDriver:SetTimeouts", new { script = 120_000 }, cancellationToken);
                return marionette;
            }
            catch (SocketException)
            {
                tcp.Dispose();
                await Task.Delay(200, cancellationToken);
            }
        }
    }

    /// <summary>Runs a script whose last argument is the function that ends it; what that is given.</summary>
    public async Task<JsonElement> RunAsync(string script, object[] arguments, CancellationToken cancellationToken) =>
        (await AskAsync(
            "WebDriver:ExecuteAsyncScript", new { script, args = arguments, sandbox = "system", newSandbox = false }, cancellationToken))
            .GetProperty("value");

    private async Task<JsonElement> AskAsync(string command, object parameters, CancellationToken cancellationToken)
    {
        var frame = JsonSerializer.SerializeToUtf8Bytes(new[] { 0, ++_last, command, parameters });
        await _tcp.GetStream()
            .WriteAsync(
                (byte[])[.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{frame.Length}:")), .. frame],
                cancellationToken);
        var answer = await ReadAsync(cancellationToken);
        return answer[2].ValueKind == JsonValueKind.Null ? answer[3] : throw new InvalidOperationException($"{command}: {answer[2]}");
    }

    private async Task<JsonElement> ReadAsync(CancellationToken cancellationToken)
    {
        var (length, digit) = (0, new byte[1]);
        for (; ; length = (length * 10) + digit[0] - '0')
        {
            await _tcp.GetStream().ReadExactlyAsync(digit, cancellationToken);
            if (digit[0] == ':')
            {
                break;
            }
        }

        var frame = new byte[length];
        await _tcp.GetStream().ReadExactlyAsync(frame, cancellationToken);
        return JsonElement.Parse(frame);
    }

    public void Dispose() => _tcp.Dispose();
}
