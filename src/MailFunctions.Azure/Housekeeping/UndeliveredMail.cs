using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;
using Microsoft.Extensions.Logging;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>
/// Which accepted messages may still be delivered. Read before the tables are: what is not in the bus then will not be
/// delivered any more, so its rows and its blob can go without losing mail or delivering it twice.
/// </summary>
internal sealed partial class UndeliveredMail(IBusInventory bus, ILogger<UndeliveredMail> logger)
{
    /// <summary>With more messages than this in the bus nothing is purged: delivering them comes first.</summary>
    public const int MaxMessages = 20_000;

    /// <summary>Ids of the messages in `mail-inbound`, or null when nothing may be purged now.</summary>
    public async Task<IReadOnlySet<string>?> ReadAsync(CancellationToken cancellationToken)
    {
        var ids = await bus.MessageIdsAsync(QueueNames.Inbound, MaxMessages, cancellationToken);
        if (ids is null)
        {
            Log.TooMany(logger, MaxMessages);
        }

        return ids;
    }

    private static partial class Log
    {
        [LoggerMessage(
            2400, LogLevel.Warning, "Nothing is purged: mail-inbound and its dead letters hold more than {Max} messages",
            EventName = "PurgePostponed")]
        public static partial void TooMany(ILogger logger, int max);
    }
}
