namespace MailFunctions.Protocols.Smtp;

/// <summary>What has to be so before a command is looked at.</summary>
[Flags]
internal enum SmtpNeeds
{
    Nothing = 0,
    NoArgument = 1,

    /// <summary>EHLO or HELO came.</summary>
    Hello = 2,

    /// <summary>On submission: AUTH succeeded.</summary>
    Login = 4,

    /// <summary>MAIL came.</summary>
    Transaction = 8,

    /// <summary>Allowed between BDAT chunks.</summary>
    InsideChunks = 16,
}

/// <summary>A row of the command table.</summary>
internal sealed record SmtpCommandRule(
    string Verb, SmtpNeeds Needs, Func<SmtpSession, string, CancellationToken, ValueTask<SmtpReply?>> Run);

/// <summary>A command line: its rule and what stands behind the verb.</summary>
internal readonly record struct SmtpCommand(SmtpCommandRule? Rule, string Argument, bool IsHttp)
{
    private static readonly string[] HttpVerbs = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH"];

    public static SmtpCommand Parse(string line)
    {
        var space = line.IndexOf(' ');
        var verb = space < 0 ? line : line[..space];
        var argument = space < 0 ? "" : line[(space + 1)..].TrimEnd(' ');
        foreach (var rule in SmtpSession.Table)
        {
            if (verb.Equals(rule.Verb, StringComparison.OrdinalIgnoreCase))
            {
                return new SmtpCommand(rule, argument, false);
            }
        }

        return new SmtpCommand(null, argument, HttpVerbs.Contains(verb, StringComparer.Ordinal));
    }
}

public sealed partial class SmtpSession
{
    /// <summary>Which command is legal when: the one place that says so (RFC 5321 §4.1.4).</summary>
    internal static readonly SmtpCommandRule[] Table =
    [
        new("EHLO", SmtpNeeds.Nothing, static (s, a, _) => s.HelloAsync(a, esmtp: true)),
        new("HELO", SmtpNeeds.Nothing, static (s, a, _) => s.HelloAsync(a, esmtp: false)),
        new("MAIL", SmtpNeeds.Hello | SmtpNeeds.Login, static (s, a, c) => s.MailAsync(a, c)),
        new("RCPT", SmtpNeeds.Hello | SmtpNeeds.Login | SmtpNeeds.Transaction, static (s, a, c) => s.RcptAsync(a, c)),
        new("DATA", SmtpNeeds.Hello | SmtpNeeds.Login | SmtpNeeds.Transaction | SmtpNeeds.NoArgument, static (s, _, c) => s.DataAsync(c)),
        new("BDAT", SmtpNeeds.InsideChunks, static (s, a, c) => s.BdatAsync(a, c)),
        new("RSET", SmtpNeeds.NoArgument | SmtpNeeds.InsideChunks, static (s, _, _) => s.RsetAsync()),
        new("NOOP", SmtpNeeds.InsideChunks, static (_, _, _) => Reply(SmtpReplies.Ok)),
        new("QUIT", SmtpNeeds.NoArgument | SmtpNeeds.InsideChunks, static (s, _, _) => Reply(s.Ending(SmtpReplies.Bye, SmtpSessionEnd.Quit))),
        new("STARTTLS", SmtpNeeds.NoArgument | SmtpNeeds.Hello, static (s, _, c) => s.StartTlsAsync(c)),
        new("AUTH", SmtpNeeds.Hello, static (s, a, c) => s.AuthAsync(a, c)),
        new("VRFY", SmtpNeeds.Nothing, static (_, _, _) => Reply(SmtpReplies.CannotVerify)),
        new("EXPN", SmtpNeeds.Nothing, static (_, _, _) => Reply(SmtpReplies.NotImplemented)),
        new("HELP", SmtpNeeds.Nothing, static (_, _, _) => Reply(SmtpReplies.Help)),
    ];

    private static ValueTask<SmtpReply?> Reply(SmtpReply reply) => ValueTask.FromResult<SmtpReply?>(reply);
}
