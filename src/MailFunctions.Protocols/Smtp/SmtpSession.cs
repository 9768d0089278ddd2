using System.Diagnostics.CodeAnalysis;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Text;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Smtp;

/// <summary>One SMTP session over one connection (RFC 5321).</summary>
[SuppressMessage("Design", "CA1001", Justification = "RunAsync disposes of the input at the session's end.")]
public sealed partial class SmtpSession(ISessionConnection connection, SmtpListener listener, SmtpSessionServices services)
{
    private readonly SessionInput _input = new(connection, services.Time, services.Drain);
    private string? _helo;
    private bool _esmtp;
    private AuthenticatedAccount? _account;
    private ClientInfo? _client;
    private MailTransaction? _transaction;
    private SessionEnd? _end;
    private readonly long _began = services.Time.GetTimestamp();
    private int _errors;

    /// <summary>Runs the session to its end; the connection is the caller's to close.</summary>
    public async Task<SessionEnd> RunAsync(CancellationToken abort)
    {
        _input.Settle = SettleAsync;
        try
        {
            Send(HasSpokenEarly() ? Ending(SmtpReplies.EarlyTalker, SessionEnd.ProtocolError) : Greeting());
            while (_end is null)
            {
                var (status, line) = await ReadCommandAsync(abort);
                var reply = status switch
                {
                    // Of a client that pipelines without end, no wait would ever notice either of these.
                    InputStatus.Ready when services.Drain.IsCancellationRequested => EndBy(InputStatus.Draining),
                    InputStatus.Ready when services.Time.GetElapsedTime(_began) > listener.SessionTime =>
                        Ending(SmtpReplies.SessionTooLong, SessionEnd.TimedOut),
                    InputStatus.Ready => await ExecuteAsync(line!, abort),
                    _ => EndBy(status),
                };
                Send(reply);
                await SettleIfManyAsync();
            }

            await SettleAsync();
            await _input.FlushAsync(SessionInput.LastWords, abort);
            return _end.Value;
        }
        finally
        {
            await ResetAsync();
            await EndCommitsAsync();
            await _input.DisposeAsync();
        }
    }

    /// <summary>Between the chunks of a message the client has no more time than inside them.</summary>
    private ValueTask<(InputStatus Status, string? Line)> ReadCommandAsync(CancellationToken abort) => _transaction?.Content is { } content
        ? ReadBetweenChunksAsync(content, abort)
        : _input.ReadLineAsync(SmtpLimits.CommandLineOctets, listener.CommandTimeout, CommandLine.Decode, abort);

    /// <summary>Runs one command line by the table; null where the reply went out already or none is due.</summary>
    private async ValueTask<SmtpReply?> ExecuteAsync(string line, CancellationToken abort)
    {
        var command = SmtpCommand.Parse(line);
        var reply = command.Rule is { } rule
            ? Check(rule, command.Argument) ?? await rule.Run(this, command.Argument, abort)
            : command.IsHttp ? Ending(SmtpReplies.NotHttp, SessionEnd.ProtocolError) : SmtpReplies.Unrecognized;
        if (reply is { IsFailure: true })
        {
            services.Events.Refused(connection.RemoteEndPoint.Address, command.Rule?.Verb ?? "unknown", reply.Status);
            if (CountsAsError(reply) && ++_errors >= listener.BadCommands && _end is null)
            {
                Send(reply);
                return Ending(SmtpReplies.TooManyErrors, SessionEnd.TooManyErrors);
            }
        }

        return reply;
    }

    /// <summary>Errors of the client's own; not faults of this server, after which it is to try again.</summary>
    private bool CountsAsError(SmtpReply reply) =>
        reply.Code >= 500 || reply == SmtpReplies.FullMailbox || reply == SmtpReplies.RateLimited
        || (reply == SmtpReplies.TooManyRecipients && _transaction?.TooManyCount > listener.Limits.Recipients);

    /// <summary>What the state of the session says to a command before it is looked at.</summary>
    private SmtpReply? Check(SmtpCommandRule rule, string argument)
    {
        if (_transaction?.Content is not null && !rule.Needs.HasFlag(SmtpNeeds.InsideChunks))
        {
            return SmtpReplies.BdatUnderWay; // RFC 3030 §2
        }

        if (rule.Needs.HasFlag(SmtpNeeds.NoArgument) && argument.Length > 0)
        {
            return SmtpReplies.NoParameters;
        }

        if (rule.Needs.HasFlag(SmtpNeeds.Hello) && _helo is null)
        {
            return SmtpReplies.SayHelloFirst;
        }

        if (rule.Needs.HasFlag(SmtpNeeds.Login) && listener.IsSubmission && _account is null)
        {
            return !listener.MayLogIn(connection) && connection.CanStartTls
                ? SmtpReplies.TlsRequired
                : SmtpReplies.AuthRequired; // RFC 6409 §4.3
        }

        return rule.Needs.HasFlag(SmtpNeeds.Transaction) && _transaction is null ? SmtpReplies.NeedMail : null;
    }

    private SmtpReply Greeting() => new(220, "", $"{listener.HostName} ESMTP MailFunctions");

    /// <summary>A client that speaks before the greeting does not wait for answers either (RFC 5321 §4.3.1).</summary>
    private bool HasSpokenEarly()
    {
        if (!connection.Input.TryRead(out var read))
        {
            return false;
        }

        connection.Input.AdvanceTo(read.Buffer.Start);
        return !read.Buffer.IsEmpty;
    }

    /// <summary>The last reply of a session whose input came to this; null where the client gets none.</summary>
    private SmtpReply? EndBy(InputStatus status)
    {
        _end = status.ToSessionEnd();
        return status switch
        {
            InputStatus.LineTooLong => SmtpReplies.LineTooLong,
            InputStatus.BareLineBreak => SmtpReplies.BareLineBreak,
            InputStatus.TimedOut => SmtpReplies.CommandTimeout,
            InputStatus.Draining => SmtpReplies.ShuttingDown,
            InputStatus.Interrupted => SmtpReplies.TooSlow,
            _ => null,
        };
    }

    private SmtpReply Ending(SmtpReply reply, SessionEnd end)
    {
        _end = end;
        return reply;
    }

    private SmtpReply? Silently(SessionEnd end)
    {
        _end = end;
        return null;
    }

    private async ValueTask ResetAsync()
    {
        if (_transaction?.Content is { } content)
        {
            await content.DisposeAsync();
        }

        if (_transaction is not null)
        {
            End(_transaction, reply: null);
            _transaction = null;
        }
    }

    private void End(MailTransaction transaction, SmtpReply? reply, long octets = 0)
    {
        transaction.End(reply, octets);
        if (transaction.RefusedCount > 0)
        {
            services.Events.RecipientsRefused(new RefusedRecipients
            {
                Id = transaction.Id,
                EndedAt = services.Time.GetUtcNow(),
                Listener = listener.Kind,
                Client = Client(),
                ReversePath = transaction.MailFrom.Address,
                Recipients = transaction.Refused,
                Count = transaction.RefusedCount,
            });
        }
    }

    /// <summary>The client as it is known now; made again when a greeting, TLS or a login changed it.</summary>
    private ClientInfo Client() => _client ??= new ClientInfo(
        connection.RemoteEndPoint.Address.ToString(),
        _helo,
        connection.Tls is { } tls ? $"{tls.Protocol} {tls.CipherSuite}" : null,
        _account?.Address.ToCanonicalString());
}
