using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MimeKit;

namespace MailFunctions.Functions.Dkim;

/// <summary>The result of signing.</summary>
internal abstract record SigningResult
{
    /// <param name="Fields">To be sent before the content; empty when unsigned.</param>
    /// <param name="Content">The message from its start.</param>
    public sealed record Done(ReadOnlyMemory<byte> Fields, Stream Content) : SigningResult;

    /// <summary>There are keys, and the key store is unavailable.</summary>
    public sealed record Unavailable(string Reason) : SigningResult;
}

/// <summary>
/// Signs mail that originates here, over its outgoing octets (decision record 0022): by its author's domain, with every
/// key in use there.
/// </summary>
internal sealed partial class MessageSigner(SigningDomains domains, TimeProvider time, ILogger<MessageSigner> logger)
{
    /// <param name="open">Gives the message from its start; called again where it is too large to be kept.</param>
    public async Task<SigningResult> SignAsync(
        OutboundJob job, Func<CancellationToken, Task<Stream>> open, CancellationToken cancellationToken)
    {
        var content = await open(cancellationToken);

        // Forwarded mail of others leaves unchanged: their signatures stay valid, and ours would claim it.
        if (!job.IsOurs || !domains.CanSign)
        {
            return new SigningResult.Done(ReadOnlyMemory<byte>.Empty, content);
        }

        var message = await MessageDigest.ReadAsync(content, cancellationToken);
        var whole = message?.Whole is { } kept ? new JoinedStream(kept, Stream.Null) : await open(cancellationToken);
        if (message is null || AuthorDomain(message) is not { } author)
        {
            Log.Unsignable(logger, job.MessageId);
            return new SigningResult.Done(ReadOnlyMemory<byte>.Empty, whole);
        }

        switch (await domains.FindAsync(author, cancellationToken))
        {
            case SigningDomain.Unavailable unavailable:
                return new SigningResult.Unavailable(unavailable.Reason);
            case SigningDomain.Ours ours:
                var now = time.GetUtcNow();
                var fields = string.Concat(ours.Keys.Select(k => DkimSignature.Create(message, ours.Name, k, now)));
                return new SigningResult.Done(Encoding.ASCII.GetBytes(fields), whole);
            default:
                return new SigningResult.Done(ReadOnlyMemory<byte>.Empty, whole);
        }
    }

    /// <summary>Of the first author; submission has checked that all of them are the sender's own.</summary>
    private static string? AuthorDomain(MessageDigest message) =>
        HeaderFields.Parse(message.Header).From is { } from
        && InternetAddressList.TryParse(from.ToArray(), out var authors)
        && authors.Mailboxes.FirstOrDefault() is { } author
        && DomainName.TryNormalize(author.Domain, out var domain)
            ? domain
            : null;

    private static partial class Log
    {
        [LoggerMessage(2500, LogLevel.Warning, "Message {Id} leaves without a DKIM signature: its author can't be made out",
            EventName = "MessageUnsignable")]
        public static partial void Unsignable(ILogger logger, string id);
    }
}
