using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>A reply of a peer (RFC 5321 §4.2).</summary>
/// <param name="Code">That of the last line, which counts where the lines differ.</param>
/// <param name="Lines">The text behind the codes.</param>
internal sealed record PeerReply(int Code, IReadOnlyList<string> Lines)
{
    public bool IsPositive => Code is >= 200 and < 300;

    /// <summary>The peer waits for more: DATA and AUTH.</summary>
    public bool IsIntermediate => Code is >= 300 and < 400;

    public bool IsPermanent => Code is >= 500 and < 600;

    /// <summary>RFC 5321 §3.8: the peer closes the connection after it.</summary>
    public bool IsClosing => Code == 421;

    /// <summary>RFC 3207 §4: `530 Must issue a STARTTLS command first`.</summary>
    public bool AsksForTls => Code == 530 && Lines.Any(l => l.Contains("STARTTLS", StringComparison.OrdinalIgnoreCase));

    /// <summary>RFC 5321 §4.5.3.1.10: 452, or 552 from RFC 821 servers: the others may come in the next transaction.</summary>
    public bool IsTooManyRecipients => Code is 452 or 552
        && (SmtpReplyText.Status(Code, Lines)[1..] == ".5.3"
            || Lines.Any(l => l.Contains("too many recipients", StringComparison.OrdinalIgnoreCase)));

    /// <summary>In one line, cut, printable.</summary>
    public string Line => SmtpReplyText.Line($"{Code} {string.Join('\n', Lines)}");

    /// <summary>The enhanced status code, or the plain one of the reply's class.</summary>
    public string Status => SmtpReplyText.Status(Code, Lines);
}
