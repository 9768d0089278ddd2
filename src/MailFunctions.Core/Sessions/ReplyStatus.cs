namespace MailFunctions.Core.Sessions;

/// <summary>The codes of an SMTP reply, without its text.</summary>
/// <param name="Code">Three digits (RFC 5321 §4.2).</param>
/// <param name="Enhanced">RFC 3463: `2.1.0`; empty where there is none.</param>
public readonly record struct ReplyStatus(int Code, string Enhanced)
{
    /// <summary>4yz and 5yz.</summary>
    public bool IsFailure => Code >= 400;
}
