using MailFunctions.Core.Addresses;

namespace MailFunctions.Core.Mailboxes;

/// <summary>The fields that stand before a message in one mailbox, and not in its blob (design §3.2).</summary>
public static class Prologue
{
    // RFC 5321 §4.4: the return path is written at final delivery.
    public static string For(string reversePath, EmailAddress owner) => $"Return-Path: <{reversePath}>\r\nDelivered-To: {owner}\r\n";
}
