using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// The messages that a mailbox has, by Message-ID and octets. One without a Message-ID is never known: what it says may have been
/// sent twice.
/// </summary>
internal sealed class KnownMessages
{
    private readonly HashSet<(UInt128 Id, long Octets)> _keys = [];

    /// <summary>One query for each thousand messages; some 40 octets of each are kept.</summary>
    public static async Task<KnownMessages> OfAsync(IMailboxArchive archive, string mailboxId, CancellationToken cancellationToken)
    {
        var known = new KnownMessages();
        await foreach (var entry in archive.ReadAllAsync(mailboxId, 0, cancellationToken))
        {
            known.Add(entry);
        }

        return known;
    }

    public bool Has(MailboxEntry entry) => Key(entry) is { } key && _keys.Contains(key);

    public void Add(MailboxEntry entry)
    {
        if (Key(entry) is { } key)
        {
            _keys.Add(key);
        }
    }

    // A digest, so that memory does not grow with what senders write into the field.
    private static (UInt128 Id, long Octets)? Key(MailboxEntry entry) => entry.InternetMessageId is { Length: > 0 } id
        ? (BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(id))), entry.Size)
        : null;
}
