using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Protocols.Sasl;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Text;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Pop3;

/// <summary>One POP3 session over one connection (RFC 1939).</summary>
[SuppressMessage("Design", "CA1001", Justification = "RunAsync disposes of the input at the session's end.")]
public sealed partial class Pop3Session(ISessionConnection connection, Pop3Listener listener, Pop3SessionServices services)
{
    private readonly SessionInput _input = new(connection, services.Time, services.Drain);
    private string? _user;
    private AuthenticatedAccount? _account;
    private OpenLogin? _login;
    private IMaildrop? _maildrop;
    private MessageList? _messages;
    private NextMessages? _next;
    private OutputPace? _listPace;
    private OutputPace? _messagePace;
    private List<uint>? _unsent;
    private SessionEnd? _end;
    private int _errors;

    /// <summary>Runs the session to its end; the connection is the caller's to close.</summary>
    public async Task<SessionEnd> RunAsync(CancellationToken abort)
    {
        try
        {
            Say($"+OK {listener.HostName} POP3 ready");
            while (_end is null)
            {
                var (status, line) = await _input.ReadLineAsync(
                    Pop3Listener.CommandLineOctets, listener.CommandTimeout, CommandLine.Decode, abort);
                if (status == InputStatus.Ready)
                {
                    await ExecuteAsync(line!, abort);
                }
                else
                {
                    EndBy(status);
                }
            }

            await _input.FlushAsync(SessionInput.LastWords, abort);
            return _end.Value;
        }
        finally
        {
            if (_maildrop is not null)
            {
                await _maildrop.DisposeAsync();
            }

            await _input.DisposeAsync();
        }
    }

    private async ValueTask ExecuteAsync(string line, CancellationToken abort)
    {
        var space = line.IndexOf(' ');
        var verb = space < 0 ? line.AsSpan() : line.AsSpan(0, space);
        if (!Commands.TryGetValue(verb, out var rule))
        {
            Fail("-ERR Unknown command");
            return;
        }

        // A password may begin and end with blanks (RFC 1939 §7); around any other argument they mean nothing, and clients send them.
        var argument = space < 0 ? "" : rule.BlanksCount ? line[(space + 1)..] : line[(space + 1)..].Trim(' ');

        var state = _maildrop is null ? Pop3State.Authorization : Pop3State.Transaction;
        if (!rule.State.HasFlag(state))
        {
            Fail(state == Pop3State.Authorization ? "-ERR Log in first" : "-ERR Not after the login");
            return;
        }

        if (_maildrop is { IsLocked: false })
        {
            End(SessionEnd.LockLost, "-ERR [SYS/TEMP] The lock on the maildrop was lost: nothing was deleted, log in again");
            return;
        }

        if (!await MayGoOnAsync(rule, abort))
        {
            return;
        }

        try
        {
            await rule.Run(this, argument, abort);
        }
        catch (StoreUnavailableException)
        {
            Fail("-ERR [SYS/TEMP] The mailbox can't be read now: try again later");
        }
    }

    /// <summary>Puts a line into the output; it leaves when the session next waits.</summary>
    private void Say(string line)
    {
        var output = _input.Output;
        Encoding.UTF8.GetBytes(line, output);
        output.Write("\r\n"u8);
    }

    /// <summary>An error of the client's; too many of them end the session.</summary>
    private void Fail(string line)
    {
        Say(line);
        if (++_errors >= listener.BadCommands)
        {
            End(SessionEnd.TooManyErrors, "-ERR Too many errors");
        }
    }

    /// <summary>Ends the session whose input came to this, with a last line where the client can read one.</summary>
    private void EndBy(InputStatus status)
    {
        _end = status.ToSessionEnd();
        switch (status)
        {
            case InputStatus.LineTooLong:
                Say("-ERR Line too long");
                break;
            case InputStatus.BareLineBreak:
                Say("-ERR Lines end in CRLF");
                break;
            case InputStatus.Draining:
                Say("-ERR [SYS/TEMP] The server is going down: try again soon");
                break;
            default: // RFC 1939 §3: after the idle time closed without a response, nothing deleted
                break;
        }
    }

    private void End(SessionEnd end, string line)
    {
        Say(line);
        _end = end;
    }
}
