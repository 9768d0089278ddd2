using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Protocols.Pop3;

/// <summary>Numbers and sizes of a session's messages, fixed at login, and its marks for deletion: 17 octets a message.</summary>
internal sealed class MessageList
{
    private readonly List<MaildropMessage> _messages;
    private readonly HashSet<int> _deleted = [];

    private MessageList(List<MaildropMessage> messages) => _messages = messages;

    public int Count => _messages.Count;

    public int DeletedCount => _deleted.Count;

    public long DeletedOctets { get; private set; }

    public static async ValueTask<MessageList> LoadAsync(IMaildrop maildrop, CancellationToken cancellationToken)
    {
        var messages = new List<MaildropMessage>((int)Math.Min(maildrop.Count, 1_000_000));
        await foreach (var page in maildrop.ListAsync(cancellationToken))
        {
            messages.AddRange(page);
        }

        return new MessageList(messages);
    }

    /// <summary>Numbers begin with 1.</summary>
    public MaildropMessage this[int number] => _messages[number - 1];

    /// <summary>There is a message of that number, and it is not marked.</summary>
    public bool Has(int number) => number >= 1 && number <= _messages.Count && !_deleted.Contains(number);

    public void Mark(int number)
    {
        if (_deleted.Add(number))
        {
            DeletedOctets += this[number].Size;
        }
    }

    public void Unmark()
    {
        _deleted.Clear();
        DeletedOctets = 0;
    }

    public List<uint> MarkedUids() => [.. _deleted.Order().Select(n => this[n].Uid)];

    /// <summary>Writes the uids of the unmarked messages that follow one, as many of them as there is room for; returns how many.</summary>
    /// <param name="step">1: upwards, -1: downwards.</param>
    /// <param name="last">The number of the last of them; <paramref name="number"/> when there is none.</param>
    public int Following(int number, int step, Span<uint> uids, out int last)
    {
        var count = 0;
        last = number;
        for (var n = number + step; n >= 1 && n <= _messages.Count && count < uids.Length; n += step)
        {
            if (!_deleted.Contains(n))
            {
                uids[count++] = this[n].Uid;
                last = n;
            }
        }

        return count;
    }
}
