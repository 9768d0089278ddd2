using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Azure.Dkim;

/// <summary>The places for private DKIM keys.</summary>
public static class DkimKeyStores
{
    /// <summary>Files of a directory, made when the first key is.</summary>
    public static IDkimKeyStore InDirectory(string directory) => new DirectoryDkimKeys(Path.GetFullPath(directory));

    /// <summary>Secrets of a vault; the identity needs the role *Key Vault Secrets Officer*.</summary>
    public static IDkimKeyStore InVault(Uri vault) => InVault(vault, new DefaultAzureCredential(), new SecretClientOptions());

    internal static IDkimKeyStore InVault(Uri vault, TokenCredential credential, SecretClientOptions options) =>
        new VaultDkimKeys(new SecretClient(vault, credential, StorageClients.Bound(options, new StorageOptions())));
}
