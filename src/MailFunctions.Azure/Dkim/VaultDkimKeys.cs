using Azure;
using Azure.Security.KeyVault.Secrets;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Azure.Dkim;

/// <summary>Private keys as secrets of a Key Vault, reached with the managed identity.</summary>
internal sealed class VaultDkimKeys(SecretClient vault) : IDkimKeyStore
{
    private const string PemType = "application/x-pem-file";

    public async Task<string?> FindAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return (await vault.GetSecretAsync(name, cancellationToken: cancellationToken)).Value.Value;
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("A private key could not be read", e, "the vault");
        }
    }

    public async Task PutAsync(string name, string pem, CancellationToken cancellationToken)
    {
        try
        {
            await vault.SetSecretAsync(new KeyVaultSecret(name, pem) { Properties = { ContentType = PemType } }, cancellationToken);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("A private key could not be written", e, "the vault");
        }
    }

    public async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await vault.StartDeleteSecretAsync(name, cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status is 404)
        {
            // It is gone.
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("A private key could not be deleted", e, "the vault");
        }
    }
}
