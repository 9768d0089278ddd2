using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts;

/// <summary>What an account may be; faults name the field and the rule.</summary>
internal static class AccountRules
{
    public const int MinPassword = 12;
    public const int MaxPassword = PasswordLimits.MaxCharacters;
    public const int MaxDisplayName = 200;
    public const int MaxForwards = 20;
    public const int MaxSendAs = 20;
    public const int MaxAppPasswords = 25;
    public const int MaxLabel = 100;
    public const int MaxExpireDays = 3650;

    /// <summary>The verifier of a good password, or null and a fault. Derives for some hundred milliseconds of one core.</summary>
    public static ScramVerifier? CheckPassword(string password, Faults faults)
    {
        // RFC 4013: what clients send is prepared the same way before it is compared.
        var length = password.EnumerateRunes().Count();
        if (length is < MinPassword or > MaxPassword)
        {
            faults.Add("password", $"Use {MinPassword} to {MaxPassword} characters.");
        }
        else if (SaslPrep.Prepare(password) is not { } prepared || prepared.EnumerateRunes().Count() < MinPassword)
        {
            faults.Add("password", "Control characters and unassigned or invisible ones can't be part of it (RFC 4013).");
        }
        else if (!faults.Any)
        {
            return ScramVerifier.Create(prepared);
        }

        return null;
    }

    /// <summary>The entry that the request asks for, from what is there; read <paramref name="faults"/> before using it.</summary>
    public static AccountEntry Apply(AccountRequest request, AccountEntry account, bool replace, Faults faults)
    {
        if (request.DisplayName is { } name && (name.Length > MaxDisplayName || name.Any(char.IsControl)))
        {
            faults.Add("displayName", $"Use at most {MaxDisplayName} characters, none of them control characters.");
        }

        if (request.QuotaBytes is < 0)
        {
            faults.Add("quotaBytes", "Use 0 for no limit, or a number of octets.");
        }

        if (request.ExpireAfterDays is < 0 or > MaxExpireDays)
        {
            faults.Add("expireAfterDays", $"Use 0 for never, or 1 to {MaxExpireDays} days.");
        }

        var forwardTo = request.ForwardTo is null ? null : ReadForwards(request.ForwardTo, account.Address, faults);
        var sendAs = request.SendAs is null ? null : ReadAddresses("sendAs", request.SendAs, MaxSendAs, null, faults);
        var keepCopy = request.KeepCopy ?? (replace || account.KeepCopy);
        return account with
        {
            DisplayName = Text(request.DisplayName, replace ? null : account.DisplayName),
            Enabled = request.Enabled ?? (replace || account.Enabled),
            QuotaBytes = request.QuotaBytes switch
            {
                null => replace ? null : account.QuotaBytes,
                0 => null,
                var octets => octets,
            },
            ForwardTo = forwardTo ?? (replace ? [] : account.ForwardTo),
            KeepCopy = keepCopy,
            SendAs = sendAs ?? (replace ? [] : account.SendAs),
            ExpireAfterDays = request.ExpireAfterDays switch
            {
                null => replace ? null : account.ExpireAfterDays,
                0 => null,
                var days => days,
            },
            Password = request.Password is { } password ? CheckPassword(password, faults) : account.Password,
        };
    }

    private static string? Text(string? asked, string? otherwise) => asked switch
    {
        null => otherwise,
        "" => null,
        _ => asked.Normalize(NormalizationForm.FormC),
    };

    private static List<EmailAddress> ReadForwards(IReadOnlyList<string> texts, EmailAddress own, Faults faults) =>
        ReadAddresses("forwardTo", texts, MaxForwards, own, faults);

    /// <param name="forbidden">Its own address, where that can't be meant.</param>
    private static List<EmailAddress> ReadAddresses(
        string field, IReadOnlyList<string> texts, int most, EmailAddress? forbidden, Faults faults)
    {
        if (texts.Count > most)
        {
            faults.Add(field, $"Use at most {most} addresses.");
            return [];
        }

        var addresses = new List<EmailAddress>();
        for (var i = 0; i < texts.Count; i++)
        {
            if (!EmailAddress.TryParse(texts[i], out var address))
            {
                faults.Add($"{field}[{i}]", "This is not an address.");
            }
            else if (address.Equals(forbidden))
            {
                faults.Add($"{field}[{i}]", "An account can't forward to itself; set keepCopy to keep the mail here too.");
            }
            else if (!addresses.Contains(address))
            {
                addresses.Add(address);
            }
        }

        return addresses;
    }
}
