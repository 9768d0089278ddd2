using System.Text.Json;

namespace MailFunctions.Local.Stack;

/// <summary>Where Azurite keeps its metadata. It reads the files whole at its start and ends at the first that it can't read.</summary>
internal static class AzuriteFiles
{
    /// <summary>Waits for the start; what kept Azurite from it is named with its file, where a file did.</summary>
    /// <exception cref="StackException">It did not start.</exception>
    public static async Task NamingDamageAsync(Task start, string directory)
    {
        try
        {
            await start;
        }
        catch (StackException) when (Damaged(directory) is { } file)
        {
            throw new StackException(
                $"{file} is damaged, so Azurite can't start: put back a copy of the whole folder, or start with another --data "
                + "directory. Mail and accounts of this one are in that folder.");
        }
    }

    private static string? Damaged(string directory) => Directory.Exists(directory)
        ? Directory.EnumerateFiles(directory, "__azurite_db_*.json").Order(StringComparer.Ordinal).FirstOrDefault(IsDamaged)
        : null;

    private static bool IsDamaged(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            using var json = JsonDocument.Parse(stream);
            return false;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}
