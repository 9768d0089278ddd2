namespace MailFunctions.Azure.Mailboxes;

/// <summary>What expires in a mailbox: the word in the partition's key.</summary>
internal enum ExpiryKind
{
    /// <summary>`del:` rows, filed by the day of their deletion.</summary>
    DeletedMail,

    /// <summary>All mail of an account that was deleted, filed by that day.</summary>
    DeletedAccount,

    /// <summary>Messages that were fetched, filed by the day on which they expire.</summary>
    FetchedMail,
}
