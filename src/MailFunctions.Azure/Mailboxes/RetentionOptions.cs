using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>Section `Mailboxes`: how long what was deleted can be restored.</summary>
public sealed record RetentionOptions
{
    public const string DeletedKey = "Mailboxes:DeletedRetention";

    /// <summary>From a deletion until the message, or the mail of a deleted account, is gone for good.</summary>
    public TimeSpan Deleted { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Reads `Mailboxes__DeletedRetention`: a time span such as `14.00:00:00`.</summary>
    /// <exception cref="ValidationException">Says what is wrong with it.</exception>
    public static RetentionOptions Read(IConfiguration configuration) => configuration[DeletedKey] switch
    {
        null or "" => new RetentionOptions(),
        var text when TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time)
            && time >= TimeSpan.Zero && time <= TimeSpan.FromDays(3650) =>
            new RetentionOptions { Deleted = time },
        var text => throw new ValidationException(
            $"Mailboxes__DeletedRetention: '{text}' is no time span from 0 to 3650 days; use a form such as 14.00:00:00."),
    };
}
