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
/// <param name="IsImplemented">HELP names it.</param>
internal sealed record SmtpCommandRule(
    string Verb, SmtpNeeds Needs, Func<SmtpSession, string, CancellationToken, ValueTask<SmtpReply?>> Run, bool IsImplemented = true);
