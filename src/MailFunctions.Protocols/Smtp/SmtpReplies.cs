namespace MailFunctions.Protocols.Smtp;

/// <summary>Every reply that is always the same. Those with a variable part are made where they are sent.</summary>
internal static class SmtpReplies
{
    public static readonly SmtpReply Ok = new(250, "2.0.0", "OK");
    public static readonly SmtpReply Flushed = new(250, "2.0.0", "Flushed");
    public static readonly SmtpReply SenderOk = new(250, "2.1.0", "Sender OK");
    public static readonly SmtpReply RecipientOk = new(250, "2.1.5", "Recipient OK");
    public static readonly SmtpReply Bye = new(221, "2.0.0", "Bye", Closes: true);
    public static readonly SmtpReply ReadyForTls = new(220, "2.0.0", "Ready to start TLS");
    public static readonly SmtpReply SendMessage = new(354, "", "End data with <CR><LF>.<CR><LF>");
    public static readonly SmtpReply Authenticated = new(235, "2.7.0", "Authentication succeeded");
    public static readonly SmtpReply CannotVerify = new(252, "2.1.5", "Cannot VRFY, but will take the message and try to deliver it");

    public static readonly SmtpReply Unrecognized = new(500, "5.5.2", "Command not recognized");
    public static readonly SmtpReply LineTooLong = new(500, "5.5.2", "Line too long", Closes: true);
    public static readonly SmtpReply BareLineBreak = new(500, "5.5.2", "Lines end in CRLF: a bare CR or LF is not allowed", Closes: true);
    public static readonly SmtpReply NotHttp = new(500, "5.5.1", "This is an SMTP server", Closes: true);
    public static readonly SmtpReply EarlyTalker = new(554, "5.5.0", "You spoke before the greeting", Closes: true);
    public static readonly SmtpReply NoParameters = new(501, "5.5.4", "This command takes no parameters");
    public static readonly SmtpReply BadHelo = new(501, "5.5.4", "A name of at most 255 printable characters is needed here");
    public static readonly SmtpReply NotImplemented = new(502, "5.5.1", "Command not implemented");
    public static readonly SmtpReply SayHelloFirst = new(503, "5.5.1", "Send EHLO or HELO first");
    public static readonly SmtpReply NestedMail = new(503, "5.5.1", "A message is under way already: send RSET first");
    public static readonly SmtpReply NeedMail = new(503, "5.5.1", "Send MAIL first");
    public static readonly SmtpReply NoRecipients = new(503, "5.5.1", "No valid recipients");
    public static readonly SmtpReply BdatUnderWay = new(503, "5.5.1", "Only BDAT can follow BDAT until LAST");
    public static readonly SmtpReply TooManyErrors = new(421, "4.7.0", "Too many errors", Closes: true);
    public static readonly SmtpReply CommandTimeout = new(421, "4.4.2", "Waited too long for a command", Closes: true);
    public static readonly SmtpReply DataTimeout = new(421, "4.4.2", "Waited too long for the message", Closes: true);
    public static readonly SmtpReply SessionTooLong = new(
        421, "4.7.0", "This session has lasted too long: begin another one", Closes: true);
    public static readonly SmtpReply ShuttingDown = new(421, "4.3.2", "The server is going down: try again soon", Closes: true);

    public static readonly SmtpReply TlsUnavailable = new(502, "5.5.1", "STARTTLS is not available");
    public static readonly SmtpReply TlsActive = new(503, "5.5.1", "TLS is active already");

    public static readonly SmtpReply AuthRequired = new(530, "5.7.0", "Authentication required");
    public static readonly SmtpReply AuthNeedsTls = new(
        538, "5.7.11", "Encryption required for authentication: send STARTTLS first");
    public static readonly SmtpReply TlsRequired = new(530, "5.7.0", "Send STARTTLS first");
    public static readonly SmtpReply AuthUnavailable = new(502, "5.5.1", "AUTH is not available on this port");
    public static readonly SmtpReply AuthTwice = new(503, "5.5.1", "Authenticated already");
    public static readonly SmtpReply AuthMechanism = new(504, "5.5.4", "This mechanism is not available");
    public static readonly SmtpReply AuthCancelled = new(501, "5.7.0", "Authentication cancelled");
    public static readonly SmtpReply AuthMalformed = new(501, "5.5.2", "Cannot decode this response");
    public static readonly SmtpReply AuthLineTooLong = new(500, "5.5.6", "Authentication line too long");
    public static readonly SmtpReply AuthRejected = new(535, "5.7.8", "Authentication credentials invalid");
    public static readonly SmtpReply AuthTemporary = new(454, "4.7.0", "Authentication can't be checked now: try again later");
    public static readonly SmtpReply LoginEnded = new(
        421, "4.7.0", "The account or its password has changed: log in again", Closes: true);
    public static readonly SmtpReply AuthThrottled = new(421, "4.7.0", "Too many failed logins: try again later", Closes: true);

    public static readonly SmtpReply BadPath = new(501, "5.1.7", "This is not a valid sender address");
    public static readonly SmtpReply BadRecipientPath = new(501, "5.1.3", "This is not a valid recipient address");
    public static readonly SmtpReply NeedsSmtpUtf8 = new(553, "5.6.7", "This address needs the SMTPUTF8 parameter on MAIL");
    public static readonly SmtpReply SenderNotOwned = new(553, "5.7.1", "This account may not send as that address");
    public static readonly SmtpReply FromNotOwned = new(553, "5.7.1", "This account may not use the address in the From header field");
    public static readonly SmtpReply FromMissing = new(554, "5.6.0", "The message needs a From header field with an address");
    public static readonly SmtpReply FromUnclear = new(554, "5.6.0", "The From header field can't be read in one way only");
    public static readonly SmtpReply HeaderMalformed = new(
        554, "5.6.0", "The message's header section has a line that is not a header field");
    public static readonly SmtpReply RateLimited = new(450, "4.7.1", "Too much mail in a short time: try again later");
    public static readonly SmtpReply DirectoryUnavailable = new(451, "4.4.3", "The directory can't be asked now: try again later");
    public static readonly SmtpReply TooManyRecipients = new(452, "4.5.3", "Too many recipients: send the others in another message");
    public static readonly SmtpReply RelayDenied = new(550, "5.7.1", "This server does not relay to that domain");
    public static readonly SmtpReply ReportsOnly = new(550, "5.7.1", "This address takes delivery reports only");
    public static readonly SmtpReply RelayUnavailable = new(550, "5.7.1", "Mail to other domains is not sent by this server yet");
    public static readonly SmtpReply UnknownRecipient = new(550, "5.1.1", "No such mailbox here");
    public static readonly SmtpReply DisabledRecipient = new(550, "5.2.1", "This mailbox is disabled");
    public static readonly SmtpReply FullMailbox = new(452, "4.2.2", "This mailbox is full");
    public static readonly SmtpReply TooBigForMailbox = new(552, "5.2.3", "The message is bigger than this mailbox may be");

    public static readonly SmtpReply Accepted = new(250, "2.6.0", "Message accepted");
    public static readonly SmtpReply StoreUnavailable = new(451, "4.3.0", "The message can't be stored now: try again later");
    public static readonly SmtpReply NoRoom = new(451, "4.3.2", "Too many messages come in at the moment: try again later");
    public static readonly SmtpReply TooSlow = new(
        421, "4.3.2", "Other messages need the room of this one, which comes in too slowly: try again later", Closes: true);
    public static readonly SmtpReply TooBig = new(552, "5.3.4", "The message is too big");
    public static readonly SmtpReply FarTooBig = new(552, "5.3.4", "The message is far too big", Closes: true);
    public static readonly SmtpReply HeaderTooBig = new(552, "5.3.4", "The message's header section is too big");
    public static readonly SmtpReply BareBreakInData = new(550, "5.6.0", "The message has a bare CR or LF, which RFC 5321 forbids");
    public static readonly SmtpReply Loop = new(554, "5.4.6", "Too many hops: this message runs in a loop");
    public static readonly SmtpReply SentOnBefore = new(554, "5.4.6", "This message runs in a loop: the recipient has sent it on before");
    public static readonly SmtpReply BdatBadSize = new(501, "5.5.4", "This is not a chunk size", Closes: true);
}
