using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;

namespace MailFunctions.Azure.Directory;

/// <summary>A row of `directory` or `domains`, both ways.</summary>
internal static class DirectoryRow
{
    public const string DomainPartition = "domain";
    public const string KindColumn = "Kind";

    /// <summary>The earliest of its DKIM selectors' ends, so that one query finds what is due.</summary>
    public const string DkimRemoveAtColumn = "DkimRemoveAt";
    public const string AccountKind = "account";
    public const string AliasKind = "alias";

    public static string KindOf<T>()
        where T : DirectoryEntry => typeof(T) == typeof(AccountEntry) ? AccountKind : AliasKind;

    public static TableEntity From(MailDomain domain) => new(DomainPartition, domain.Name)
    {
        ["Enabled"] = domain.Enabled,
        ["Postmaster"] = domain.Postmaster?.ToString(),
        ["CreatedAt"] = domain.CreatedAt,
        ["DkimKeys"] = domain.DkimKeys.Count == 0 ? null : JsonSerializer.Serialize(
            [.. domain.DkimKeys.Select(StoredDkimKey.From)], DirectoryJson.Default.ListStoredDkimKey),
        [DkimRemoveAtColumn] = domain.DkimKeys.Min(k => k.RemoveAt),
    };

    public static MailDomain ToDomain(TableEntity row) => new()
    {
        Name = row.RowKey,
        Enabled = row.GetBoolean("Enabled") ?? true,
        Postmaster = EmailAddress.Parse(row.GetString("Postmaster")),
        CreatedAt = row.GetDateTimeOffset("CreatedAt") ?? default,
        DkimKeys = row.GetString("DkimKeys") is { } keys
            ? [.. JsonSerializer.Deserialize(keys, DirectoryJson.Default.ListStoredDkimKey)!.Select(k => k.ToKey())]
            : [],
        ETag = row.ETag.ToString(),
    };

    public static TableEntity From(DirectoryEntry entry)
    {
        var row = new TableEntity(entry.Address.Domain, TableKey.Escape(entry.Address.Key))
        {
            ["LocalPart"] = entry.Address.LocalPart,
            ["CreatedAt"] = entry.CreatedAt,
        };
        switch (entry)
        {
            case AccountEntry account:
                row[KindColumn] = AccountKind;
                row["MailboxId"] = account.MailboxId;
                row["DisplayName"] = account.DisplayName;
                row["Enabled"] = account.Enabled;
                row["QuotaBytes"] = account.QuotaBytes;
                row["ForwardTo"] = Json(account.ForwardTo);
                row["KeepCopy"] = account.KeepCopy;
                row["SendAs"] = account.SendAs.Count == 0 ? null : Json(account.SendAs);
                row["ExpireAfterDays"] = account.ExpireAfterDays;
                row["Salt"] = account.Password?.Salt;
                row["Iterations"] = account.Password?.Iterations;
                row["StoredKey"] = account.Password?.StoredKey;
                row["ServerKey"] = account.Password?.ServerKey;
                row["AppPasswords"] = JsonSerializer.Serialize(
                    account.AppPasswords.Select(StoredAppPassword.From).ToList(), DirectoryJson.Default.ListStoredAppPassword);
                break;
            case AliasEntry alias:
                row[KindColumn] = AliasKind;
                row["Targets"] = Json(alias.Targets);
                break;
        }

        return row;
    }

    public static DirectoryEntry ToEntry(TableEntity row)
    {
        var address = AddressOf(row);
        var created = row.GetDateTimeOffset("CreatedAt") ?? default;
        if (row.GetString(KindColumn) == AliasKind)
        {
            return new AliasEntry
            {
                Address = address,
                CreatedAt = created,
                ETag = row.ETag.ToString(),
                Targets = Addresses(row.GetString("Targets")),
            };
        }

        return new AccountEntry
        {
            Address = address,
            CreatedAt = created,
            ETag = row.ETag.ToString(),
            MailboxId = row.GetString("MailboxId"),
            DisplayName = row.GetString("DisplayName"),
            Enabled = row.GetBoolean("Enabled") ?? true,
            QuotaBytes = row.GetInt64("QuotaBytes"),
            ForwardTo = Addresses(row.GetString("ForwardTo")),
            KeepCopy = row.GetBoolean("KeepCopy") ?? true,
            SendAs = Addresses(row.GetString("SendAs")),
            ExpireAfterDays = row.GetInt32("ExpireAfterDays"),
            Password = row.GetBinary("StoredKey") is { } storedKey
                ? new ScramVerifier(row.GetBinary("Salt"), row.GetInt32("Iterations") ?? 0, storedKey, row.GetBinary("ServerKey"))
                : null,
            AppPasswords = row.GetString("AppPasswords") is { } passwords
                ? [.. JsonSerializer.Deserialize(passwords, DirectoryJson.Default.ListStoredAppPassword)!.Select(p => p.ToAppPassword())]
                : [],
        };
    }

    private static EmailAddress AddressOf(TableEntity row)
    {
        // Any address of the domain will do: the local part is put in as it is, so that the catch-all's `*` needs no quotes.
        var some = EmailAddress.Parse("x@" + row.PartitionKey)
            ?? throw new RequestFailedException($"The directory has a row in the partition '{row.PartitionKey}', which is no domain.");
        return some.WithLocalPart(row.GetString("LocalPart"));
    }

    private static string Json(IEnumerable<EmailAddress> addresses) =>
        JsonSerializer.Serialize(addresses.Select(a => a.ToString()).ToList(), DirectoryJson.Default.ListString);

    private static List<EmailAddress> Addresses(string? json) => json is null
        ? []
        : [.. JsonSerializer.Deserialize(json, DirectoryJson.Default.ListString)!.Select(EmailAddress.Parse).OfType<EmailAddress>()];
}
