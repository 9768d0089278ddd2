namespace MailFunctions.Functions.Triggers;

/// <summary>The result of a trigger's invocation.</summary>
internal abstract record TriggerResult
{
    /// <summary>The bus message is completed.</summary>
    public sealed record Succeeded : TriggerResult;

    /// <summary>The bus message is abandoned and comes again, until its delivery count is spent.</summary>
    public sealed record Failed(string Reason) : TriggerResult;

    /// <summary>The host learns of a failure by an exception alone.</summary>
    /// <exception cref="TriggerFailedException">It failed.</exception>
    public void ThrowIfFailed()
    {
        if (this is Failed failed)
        {
            throw new TriggerFailedException(failed.Reason);
        }
    }
}

/// <summary>An invocation failed, for a reason that the log has already.</summary>
internal sealed class TriggerFailedException(string reason) : Exception(reason);
