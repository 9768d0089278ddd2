using System.ComponentModel.DataAnnotations;
using MailFunctions.Azure.Dkim;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Functions.Dkim;

/// <summary>Section `Dkim`: where private keys are. With neither place nothing is signed.</summary>
internal sealed record DkimOptions
{
    public const string Section = "Dkim";

    /// <summary>A vault whose secrets the app may write.</summary>
    public Uri? KeyVaultUri { get; private init; }

    /// <summary>A directory that is the app's own.</summary>
    public string? KeyDirectory { get; private init; }

    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static DkimOptions Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(Section);
        var options = new DkimOptions
        {
            KeyVaultUri = section["KeyVaultUri"] switch
            {
                null or "" => null,
                var text when Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps => uri,
                var text => throw new ValidationException($"{Section}__KeyVaultUri: '{text}' is not an https address."),
            },
            KeyDirectory = section["KeyDirectory"] is { Length: > 0 } directory ? directory : null,
        };
        return options is { KeyVaultUri: not null, KeyDirectory: not null }
            ? throw new ValidationException($"{Section}__KeyDirectory: set this or {Section}__KeyVaultUri, not both.")
            : options;
    }

    public IDkimKeyStore? CreateStore() =>
        KeyVaultUri is { } vault ? DkimKeyStores.InVault(vault)
        : KeyDirectory is { } directory ? DkimKeyStores.InDirectory(directory)
        : null;
}
