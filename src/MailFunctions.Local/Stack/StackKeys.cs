using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MailFunctions.Local.Stack;

/// <summary>Keys and passwords of one data directory, random, in a file that only its owner can read.</summary>
internal sealed record StackKeys(
    string StorageKey, string BusKey, string MasterKey, string FunctionKey, IReadOnlyDictionary<string, string> Passwords)
{
    public const string FileName = "keys.json";
    private const string Letters = "abcdefghijkmnpqrstuvwxyz23456789";
    private const int PasswordLength = 20;

    /// <summary>Made now. Accounts of the directory that are older have other passwords.</summary>
    [JsonIgnore]
    public bool AreNew { get; private init; }

    /// <summary>Reads the directory's keys, or makes them.</summary>
    /// <exception cref="StackException">The file is damaged.</exception>
    public static StackKeys ReadOrCreate(string directory, IEnumerable<string> accounts)
    {
        var path = Path.Combine(directory, FileName);
        if (File.Exists(path))
        {
            try
            {
                return JsonSerializer.Deserialize(File.ReadAllBytes(path), StackJson.Default.StackKeys) ?? throw new JsonException();
            }
            catch (JsonException)
            {
                throw new StackException($"{path} is damaged: restore it, or start with a new --data directory.");
            }
        }

        var keys = new StackKeys(
            Convert.ToBase64String(RandomNumberGenerator.GetBytes(64)),
            Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            RandomNumberGenerator.GetHexString(48, lowercase: true),
            RandomNumberGenerator.GetHexString(48, lowercase: true),
            accounts.ToDictionary(a => a, _ => RandomNumberGenerator.GetString(Letters, PasswordLength)))
        {
            AreNew = true,
        };
        PrivateFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(keys, StackJson.Default.StackKeys));
        return keys;
    }

    // A record would print its members: keys never reach a log.
    public override string ToString() => nameof(StackKeys);
}

/// <summary>Files with secrets: written beside and moved into place, readable by their owner alone.</summary>
internal static class PrivateFile
{
    /// <summary>
    /// A data directory for its owner alone. One that is there and holds no stack keeps the rights that its owner gave it.
    /// </summary>
    public static void CreateDirectory(string path)
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
        else if (File.Exists(Path.Combine(path, StackKeys.FileName)))
        {
            File.SetUnixFileMode(path, OwnerOnly);
        }
    }

    public static void Write(string path, ReadOnlySpan<byte> octets)
    {
        var temporary = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var file = new FileStream(temporary, options))
        {
            file.Write(octets);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }
}

/// <summary>`stack.json`: how to reach a running stack (design §4).</summary>
/// <param name="SinkDirectory">Where mail for others ends; null when a smarthost of the user's takes it.</param>
internal sealed record StackInfo(
    int Smtp,
    int Submission,
    int Smtps,
    int Pop3,
    int Pop3s,
    string AdminUrl,
    string AdminKey,
    string EdgeHealth,
    string CertificateAuthority,
    IReadOnlyList<StackAccount> Accounts,
    IReadOnlyDictionary<string, int> Processes,
    int Sink,
    string? SinkDirectory)
{
    public const string FileName = "stack.json";
}

/// <summary>An account to try things with.</summary>
internal sealed record StackAccount(string Address, string Password);

/// <summary>A child process, by what makes it recognizable after a restart of the stack.</summary>
internal sealed record ProcessRecord(int Id, DateTime StartedAt);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(StackKeys))]
[JsonSerializable(typeof(StackInfo))]
[JsonSerializable(typeof(Dictionary<string, ProcessRecord>))]
internal sealed partial class StackJson : JsonSerializerContext;
