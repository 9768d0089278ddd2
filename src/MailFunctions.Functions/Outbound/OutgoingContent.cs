using MailFunctions.Functions.Outbound.Smtp;

namespace MailFunctions.Functions.Outbound;

/// <summary>A message as a peer can take it, or why it can't. Disposed when it was sent.</summary>
internal abstract record OutgoingContent : IAsyncDisposable
{
    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <param name="Source">What <paramref name="Content"/> is read from.</param>
    public sealed record Ready(SmtpContent Content, IAsyncDisposable Source) : OutgoingContent
    {
        public override async ValueTask DisposeAsync()
        {
            await Source.DisposeAsync();
            await base.DisposeAsync();
        }
    }

    /// <summary>This peer can't take it in any form.</summary>
    /// <param name="Status">RFC 3463 status.</param>
    public sealed record Unfit(string Status, string Reason) : OutgoingContent;

    /// <summary>It has to be signed, and its keys are unavailable.</summary>
    public sealed record Unsigned(string Reason) : OutgoingContent;

    /// <summary>It is not in the store any more.</summary>
    public sealed record Missing : OutgoingContent;
}
