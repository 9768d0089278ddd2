// The functions make, read and delete the DKIM keys; the vault holds nothing else.
import { roles } from 'names.bicep'

param vaultName string
param functionsPrincipalId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource functionsKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, 'functions', roles.vaultSecretsOfficer)
  properties: {
    principalId: functionsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.vaultSecretsOfficer)
    description: 'The functions make DKIM keys, sign with them and delete them after a rotation.'
  }
}
