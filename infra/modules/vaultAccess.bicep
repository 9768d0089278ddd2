// The edge reads the secret of its certificate, and only that one.
import { roles } from 'names.bicep'

param vaultName string
param edgePrincipalId string

@description('Name of the certificate in the vault; empty: none yet, and no right at all.')
param certificateName string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName

  resource certificate 'secrets' existing = {
    name: empty(certificateName) ? 'none' : certificateName
  }
}

resource edgeCertificate 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(certificateName)) {
  scope: vault::certificate
  name: guid(vault.id, certificateName, 'edge', roles.vaultSecretsUser)
  properties: {
    principalId: edgePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.vaultSecretsUser)
    description: 'The edge reads its TLS certificate with the key.'
  }
}
