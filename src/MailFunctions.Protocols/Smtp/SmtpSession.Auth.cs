using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sasl;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Smtp;

public sealed partial class SmtpSession
{
    // RFC 4954 §4
    private async ValueTask<SmtpReply?> AuthAsync(string argument, CancellationToken abort)
    {
        if (!listener.IsSubmission)
        {
            return SmtpReplies.AuthUnavailable;
        }

        if (_account is not null || _transaction is not null)
        {
            return SmtpReplies.AuthTwice;
        }

        if (!listener.MayLogIn(connection))
        {
            return SmtpReplies.AuthNeedsTls;
        }

        var dialogue = new SaslDialogue(connection, _input, listener, services.Authenticator);
        return await dialogue.RunAsync(argument, challenge => Send(new SmtpReply(334, "", challenge)), abort) switch
        {
            SaslOutcome.Checked { Result: var result } => LoggedIn(result),
            SaslOutcome.NoMechanism => SmtpReplies.AuthMechanism,
            SaslOutcome.Cancelled => SmtpReplies.AuthCancelled,
            SaslOutcome.NoResponse { Status: InputStatus.LineTooLong } => Ending(SmtpReplies.AuthLineTooLong, SessionEnd.ProtocolError),
            SaslOutcome.NoResponse { Status: var status } => EndBy(status),
            _ => SmtpReplies.AuthMalformed,
        };
    }

    private SmtpReply LoggedIn(AuthenticationResult result)
    {
        switch (result)
        {
            case AuthenticationResult.Authenticated login:
                _account = login.Account;
                _client = null;
                return SmtpReplies.Authenticated;
            case AuthenticationResult.Throttled:
                return Ending(SmtpReplies.AuthThrottled, SessionEnd.Throttled);
            case AuthenticationResult.Unavailable:
                return SmtpReplies.AuthTemporary;
            default:
                return SmtpReplies.AuthRejected;
        }
    }
}
