namespace MailFunctions.Functions.Dsn;

/// <summary>RFC 3464 §2.3.3, as the field's value in lower case.</summary>
internal enum DsnAction
{
    Failed,
    Delayed,

    /// <summary>Taken by a host that tells the sender nothing of it itself.</summary>
    Relayed,
}
