namespace MailFunctions.Protocols.Smtp;

/// <summary>A reply (RFC 5321 §4.2) with its enhanced status code (RFC 3463).</summary>
/// <param name="Code">Three digits.</param>
/// <param name="Enhanced">`2.1.0`, or empty where RFC 2034 §4 has none: greeting, EHLO, 3yz.</param>
/// <param name="Text">One line, or several lines with `\n` between them.</param>
/// <param name="Closes">The session ends with this reply.</param>
public sealed record SmtpReply(int Code, string Enhanced, string Text, bool Closes = false)
{
    /// <summary>4yz and 5yz.</summary>
    public bool IsFailure => Code >= 400;

    /// <summary>The same reply, after which the session ends.</summary>
    public SmtpReply AndClose() => this with { Closes = true };
}
