using MailFunctions.Core.Dkim;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Dkim;

/// <summary>Private keys as files of a directory that their owner alone can read: for the local system.</summary>
internal sealed class DirectoryDkimKeys(string directory) : IDkimKeyStore
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public async Task<string?> FindAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await File.ReadAllTextAsync(PathOf(name), cancellationToken);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (IsTrouble(e))
        {
            throw Wrap("read", e);
        }
    }

    public async Task PutAsync(string name, string pem, CancellationToken cancellationToken)
    {
        var path = PathOf(name);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        try
        {
            if (OperatingSystem.IsWindows())
            {
                System.IO.Directory.CreateDirectory(directory);
            }
            else
            {
                System.IO.Directory.CreateDirectory(directory, OwnerOnly | UnixFileMode.UserExecute);
                options.UnixCreateMode = OwnerOnly;
            }

            // Beside and then into place: a key is there whole or not at all.
            var file = new FileStream(path + ".new", options);
            await using (file)
            {
                await file.WriteAsync(System.Text.Encoding.ASCII.GetBytes(pem), cancellationToken);
                file.Flush(flushToDisk: true);
            }

            File.Move(path + ".new", path, overwrite: true);
        }
        catch (Exception e) when (IsTrouble(e))
        {
            throw Wrap("written", e);
        }
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            File.Delete(PathOf(name));
        }
        catch (DirectoryNotFoundException)
        {
            // Then the key is not there either.
        }
        catch (Exception e) when (IsTrouble(e))
        {
            throw Wrap("deleted", e);
        }

        return Task.CompletedTask;
    }

    /// <summary>Names come out of a table: none of them leads out of the directory.</summary>
    private string PathOf(string name) => name.Length is > 0 and <= 127 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')
        ? Path.Combine(directory, name + ".pem")
        : throw new ArgumentException("This is no name of a key.", nameof(name));

    private static bool IsTrouble(Exception e) => e is IOException or UnauthorizedAccessException;

    private static StoreUnavailableException Wrap(string what, Exception e) =>
        new($"A private key could not be {what} ({e.GetType().Name}).", e);
}
