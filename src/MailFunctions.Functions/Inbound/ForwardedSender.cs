using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Functions.Outbound.Configuration;

namespace MailFunctions.Functions.Inbound;

/// <summary>The reverse-path of a message that an alias or an account forwards.</summary>
internal sealed class ForwardedSender(RelayOptions options, TimeProvider time)
{
    /// <summary>Null when senders are not rewritten here.</summary>
    public SrsRewriter? Srs { get; } = options.CreateSrs(time);

    /// <summary>Where an address leads, as the edge sees it.</summary>
    public RecipientResolver Resolver(IDirectoryReader directory) => new(directory, Srs, options.HostName);

    /// <summary>A sender that was rewritten here: mail to it is returned, not forwarded.</summary>
    public bool IsReturning(EmailAddress address) => Srs?.Unwrap(address) is not null;

    /// <param name="through">The domain of ours that the message was for.</param>
    public ReversePath Rewrite(ReversePath mailFrom, string through)
    {
        // The null reverse-path stays: nothing is ever sent to it (RFC 5321 §4.5.5). A sender of the domain passes SPF as it is.
        return EmailAddress.ParseReversePath(mailFrom.Address) is { } sender
            && sender.Domain != through
            && Srs?.Rewrite(sender, through) is { } rewritten
            ? mailFrom with { Address = rewritten.ToString() }
            : mailFrom;
    }
}
