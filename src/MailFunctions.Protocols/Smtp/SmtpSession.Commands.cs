using MailFunctions.Protocols.Sessions;

namespace MailFunctions.Protocols.Smtp;

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
        new("QUIT", SmtpNeeds.NoArgument | SmtpNeeds.InsideChunks, static (s, _, _) => Reply(s.Ending(SmtpReplies.Bye, SessionEnd.Quit))),
        new("STARTTLS", SmtpNeeds.NoArgument | SmtpNeeds.Hello, static (s, _, c) => s.StartTlsAsync(c)),
        new("AUTH", SmtpNeeds.Hello, static (s, a, c) => s.AuthAsync(a, c)),
        new("VRFY", SmtpNeeds.Nothing, static (_, _, _) => Reply(SmtpReplies.CannotVerify)),
        new("EXPN", SmtpNeeds.Nothing, static (_, _, _) => Reply(SmtpReplies.NotImplemented), IsImplemented: false),
        new("HELP", SmtpNeeds.Nothing, static (_, _, _) => Help()),
    ];

    private static ValueTask<SmtpReply?> Help() => Reply(new SmtpReply(
        214, "2.0.0", $"Commands: {string.Join(' ', Table.Where(r => r.IsImplemented).Select(r => r.Verb))}; see RFC 5321"));

    private static ValueTask<SmtpReply?> Reply(SmtpReply reply) => ValueTask.FromResult<SmtpReply?>(reply);
}
