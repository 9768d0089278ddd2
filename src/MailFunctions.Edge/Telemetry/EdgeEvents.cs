using System.Diagnostics.Metrics;
using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Edge.Telemetry;

/// <summary>What happens in sessions, as metrics and log lines.</summary>
internal sealed partial class EdgeEvents : ISmtpEvents, IPop3Events, IDisposable
{
    public const string MeterName = "MailFunctions.Edge";

    private readonly Meter _meter;
    private readonly Counter<long> _accepted;
    private readonly Counter<long> _acceptedOctets;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _sessions;
    private readonly Counter<long> _loginChecks;
    private readonly Counter<long> _logins;
    private readonly Counter<long> _retrieved;
    private readonly Counter<long> _retrievedOctets;
    private readonly Counter<long> _deleted;
    private readonly ILogger<EdgeEvents> _logger;

    private readonly SessionTraces? _traces;

    public EdgeEvents(IMeterFactory meters, ILogger<EdgeEvents> logger, SessionTraces? traces = null)
    {
        _traces = traces;
        _meter = meters.Create(MeterName);
        _accepted = _meter.CreateCounter<long>("mail.smtp.messages.accepted", "{message}", "Messages answered with 250");
        _acceptedOctets = _meter.CreateCounter<long>("mail.smtp.octets.accepted", "By", "Octets of accepted messages");
        _refused = _meter.CreateCounter<long>("mail.smtp.commands.refused", "{command}", "Commands answered with 4yz or 5yz");
        _sessions = _meter.CreateCounter<long>("mail.sessions", "{session}", "Sessions that ended, by listener and by why");
        _loginChecks = _meter.CreateCounter<long>("mail.logins", "{login}", "Credentials checked, by result");
        _logins = _meter.CreateCounter<long>("mail.pop3.logins", "{login}", "POP3 logins");
        _retrieved = _meter.CreateCounter<long>("mail.pop3.messages.retrieved", "{message}", "Messages sent to POP3 clients");
        _retrievedOctets = _meter.CreateCounter<long>("mail.pop3.octets.retrieved", "By", "Octets sent to POP3 clients");
        _deleted = _meter.CreateCounter<long>("mail.pop3.messages.deleted", "{message}", "Messages deleted by POP3 clients");
        _logger = logger;
    }

    /// <summary>A session is over, or had no place.</summary>
    /// <param name="end">Why, in one word.</param>
    public void SessionEnded(string listener, string end) =>
        _sessions.Add(1, new KeyValuePair<string, object?>("listener", listener), new KeyValuePair<string, object?>("end", end));

    /// <summary>Credentials were checked, for SMTP or POP3.</summary>
    /// <param name="result">`succeeded`, `rejected`, `throttled`, `busy` or `unavailable`.</param>
    public void LoginChecked(string result) => _loginChecks.Add(1, new KeyValuePair<string, object?>("result", result));

    public void Refused(IPAddress client, string command, ReplyStatus reply)
    {
        _refused.Add(
            1,
            new KeyValuePair<string, object?>("command", command),
            new KeyValuePair<string, object?>("code", reply.Code),
            new KeyValuePair<string, object?>("reason", reply.Enhanced));
        Log.Refused(_logger, client, command, reply.Code, reply.Enhanced);
    }

    public void RecipientsRefused(RefusedRecipients refused) => _traces?.Add(SessionStory.Of(refused));

    public void Answered(AnsweredMessage message) => _traces?.Add(SessionStory.Of(message));

    public void Accepted(IPAddress client, string id, int recipients, long octets)
    {
        _accepted.Add(1);
        _acceptedOctets.Add(octets);
        Log.Accepted(_logger, id, client, recipients, octets);
    }

    public void LoggedIn(IPAddress client, AuthenticatedAccount account, long messages)
    {
        _logins.Add(1);
        Log.LoggedIn(_logger, account.Address.ToCanonicalString(), client, messages);
    }

    public void Retrieved(long octets)
    {
        _retrieved.Add(1);
        _retrievedOctets.Add(octets);
    }

    public void Deleted(int messages) => _deleted.Add(messages);

    public void Dispose() => _meter.Dispose();

    private static partial class Log
    {
        [LoggerMessage(
            1140, LogLevel.Information, "Accepted {Id} from {Client}: {Recipients} recipients, {Octets} octets",
            EventName = "MessageAccepted")]
        public static partial void Accepted(ILogger logger, string id, IPAddress client, int recipients, long octets);

        [LoggerMessage(1141, LogLevel.Debug, "{Client}: {Command} refused with {Code} {Enhanced}", EventName = "CommandRefused")]
        public static partial void Refused(ILogger logger, IPAddress client, string command, int code, string enhanced);

        [LoggerMessage(
            1142, LogLevel.Information, "POP3 login of {Account} from {Client}, {Messages} messages", EventName = "MaildropOpened")]
        public static partial void LoggedIn(ILogger logger, string account, IPAddress client, long messages);
    }
}
