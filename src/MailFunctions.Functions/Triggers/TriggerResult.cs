namespace MailFunctions.Functions.Triggers;

/// <summary>The outcome of a trigger's work.</summary>
internal abstract record TriggerResult
{
    /// <summary>The bus message is completed.</summary>
    public sealed record Succeeded : TriggerResult;

    /// <summary>The bus message is abandoned and delivered again, until its delivery count is spent.</summary>
    public sealed record Failed(string Reason) : TriggerResult;

    /// <summary>Throws on failure: an exception is the only way to report one to the host.</summary>
    /// <exception cref="TriggerFailedException">It failed.</exception>
    public void ThrowIfFailed()
    {
        if (this is Failed failed)
        {
            throw new TriggerFailedException(failed.Reason);
        }
    }
}

/// <summary>An invocation failed; the reason is logged already.</summary>
internal sealed class TriggerFailedException(string reason) : Exception(reason);
