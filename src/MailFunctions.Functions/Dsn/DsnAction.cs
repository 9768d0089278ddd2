namespace MailFunctions.Functions.Dsn;

/// <summary>RFC 3464 §2.3.3, as the field's value in lower case.</summary>
internal enum DsnAction
{
    Failed,
    Delayed,

    /// <summary>In a mailbox.</summary>
    Delivered,

    /// <summary>Taken by a host that sends the sender no report of its own.</summary>
    Relayed,

    /// <summary>Sent on to the several addresses of an alias; no further report of success follows.</summary>
    Expanded,
}
