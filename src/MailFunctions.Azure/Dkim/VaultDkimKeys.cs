using Azure;
using Azure.Security.KeyVault.Secrets;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Azure.Dkim;

/// <summary>Private keys as secrets of a Key Vault, reached with the managed identity.</summary>
internal sealed class VaultDkimKeys(SecretClient vault) : IDkimKeyStore
{
    private const string PemType = "application/x-pem-file";

    public Task<string?> FindAsync(string name, CancellationToken cancellationToken) => StorageGuard.RunAsync<string?>(
        "A private key could not be read",
        async () =>
        {
            try
            {
                return (await vault.GetSecretAsync(name, cancellationToken: cancellationToken)).Value.Value;
            }
            catch (RequestFailedException e) when (e.Status == 404)
            {
                return null;
            }
        },
        cancellationToken,
        StorageFault.Vault);

    public Task PutAsync(string name, string pem, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "A private key could not be written",
        () => vault.SetSecretAsync(new KeyVaultSecret(name, pem) { Properties = { ContentType = PemType } }, cancellationToken),
        cancellationToken,
        StorageFault.Vault);

    public Task DeleteAsync(string name, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "A private key could not be deleted",
        async () =>
        {
            try
            {
                await vault.StartDeleteSecretAsync(name, cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status is 404)
            {
                // It is gone.
            }
        },
        cancellationToken,
        StorageFault.Vault);
}
