namespace MailFunctions.Protocols.Smtp;

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
