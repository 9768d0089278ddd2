using System.Globalization;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Traces;

/// <summary>Rows of `traces`: the partition is a message's id, `addr:{address}:{day}`, or `mid:{Message-ID}`.</summary>
internal static class TraceRow
{
    public const string AtColumn = "At";
    public const string MessageIdColumn = "MessageId";

    /// <summary>First key, and first key after them, of the partitions that no message id names.</summary>
    public const string IndexPrefixes = "addr:";
    public const string AfterIndexes = "mid;";

    public static IEnumerable<TableEntity> From(TraceEvent e)
    {
        var at = Time(e.At);
        var digest = Digest(e);
        yield return Row(e, TableKey.Escape(e.MessageId), $"{at}-{digest}");
        foreach (var address in e.Addresses)
        {
            yield return Row(e, AddressPartition(address, e.At), $"{at}-{TableKey.Escape(e.MessageId)}-{digest}");
        }

        if (e.InternetMessageId is { Length: > 0 } header)
        {
            yield return new TableEntity(HeaderPartition(header), TableKey.Escape(e.MessageId))
            {
                [MessageIdColumn] = e.MessageId,
                [AtColumn] = e.At,
            };
        }
    }

    public static string AddressPartition(string address, DateTimeOffset day) =>
        string.Create(CultureInfo.InvariantCulture, $"addr:{TableKey.Escape(address)}:{day.UtcDateTime:yyyyMMdd}");

    public static string HeaderPartition(string internetMessageId) => "mid:" + TableKey.Escape(internetMessageId);

    /// <summary>Sorts as time does.</summary>
    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyyMMddHHmmssfffffff", CultureInfo.InvariantCulture);

    public static TraceEvent ToEvent(TableEntity row) => new()
    {
        MessageId = row.GetString(MessageIdColumn),
        At = row.GetDateTimeOffset(AtColumn) ?? default,
        Kind = row.GetString("Kind"),
        Addresses = row.GetString("Addresses") is { } addresses ? Split(addresses) : [],
        Detail = row.GetString("Detail"),
        InternetMessageId = row.GetString("InternetMessageId"),
    };

    // RFC 5321 §4.1.2: within quotes a local part has blanks of its own.
    private static List<string> Split(string addresses)
    {
        var (split, start, quoted) = (new List<string>(), 0, false);
        for (var i = 0; i <= addresses.Length; i++)
        {
            if (i == addresses.Length || (addresses[i] == ' ' && !quoted))
            {
                if (i > start)
                {
                    split.Add(addresses[start..i]);
                }

                start = i + 1;
            }
            else if (addresses[i] == '"')
            {
                quoted = !quoted;
            }
            else if (addresses[i] == '\\' && quoted)
            {
                i++;
            }
        }

        return split;
    }

    private static TableEntity Row(TraceEvent e, string partition, string row)
    {
        var entity = new TableEntity(partition, row)
        {
            [MessageIdColumn] = e.MessageId,
            [AtColumn] = e.At,
            ["Kind"] = e.Kind,
            ["Addresses"] = string.Join(' ', e.Addresses),
            ["Detail"] = e.Detail,
        };
        if (e.InternetMessageId is { } header)
        {
            entity["InternetMessageId"] = header;
        }

        return entity;
    }

    // Distinguishes two events of one instant, and finds the same one again.
    private static string Digest(TraceEvent e) =>
        TableKey.Digest($"{e.Kind}\0{string.Join('\n', e.Addresses)}\0{e.Detail}");
}
