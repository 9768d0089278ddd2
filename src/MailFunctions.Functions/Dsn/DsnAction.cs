namespace MailFunctions.Functions.Dsn;

/// <summary>RFC 3464 §2.3.3, as the field's value in lower case.</summary>
internal enum DsnAction
{
    Failed,
    Delayed,

    /// <summary>In a mailbox.</summary>
    Delivered,

    /// <summary>Accepted by a host that sends no reports.</summary>
    Relayed,

    /// <summary>Forwarded to the addresses of an alias; no further report of success follows.</summary>
    Expanded,
}
