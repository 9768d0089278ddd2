using System.Globalization;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>
/// The id of a dead letter's copy: another one than the original's, which duplicate detection would drop, and still
/// naming the message.
/// </summary>
internal static class ResubmittedId
{
    private const string Mark = "-again-";

    /// <summary>The longest id that Service Bus takes, in characters.</summary>
    private const int MaxLength = 128;

    /// <param name="sequenceNumber">Of the dead letter.</param>
    public static string Of(string id, long sequenceNumber)
    {
        var end = string.Create(CultureInfo.InvariantCulture, $"{Mark}{sequenceNumber}");
        var original = Original(id);
        return original[..Math.Min(original.Length, MaxLength - end.Length)] + end;
    }

    /// <summary>The id that the message was first sent with.</summary>
    public static string Original(string id) => id.IndexOf(Mark, StringComparison.Ordinal) is > 0 and var at ? id[..at] : id;
}
