// Each side reads the secrets that it needs, and only those.
import { roles } from 'names.bicep'

param vaultName string
param edgePrincipalId string
param functionsPrincipalId string

@description('Name of the certificate in the vault; empty: none yet, and no right at all.')
param certificateName string

@description('Name of the secret with the SRS key; empty: none.')
param srsKeyName string

@description('Name of the secret with the smarthost\'s password; empty: none.')
param relayCredentialName string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName

  resource certificate 'secrets' existing = {
    name: empty(certificateName) ? 'none' : certificateName
  }

  resource srsKey 'secrets' existing = {
    name: empty(srsKeyName) ? 'none' : srsKeyName
  }

  resource relayPassword 'secrets' existing = {
    name: empty(relayCredentialName) ? 'none' : relayCredentialName
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

resource edgeSrsKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(srsKeyName)) {
  scope: vault::srsKey
  name: guid(vault.id, srsKeyName, 'edge', roles.vaultSecretsUser)
  properties: {
    principalId: edgePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.vaultSecretsUser)
    description: 'The edge takes only reports about forwarded mail that the SRS key proves.'
  }
}

resource functionsSrsKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(srsKeyName)) {
  scope: vault::srsKey
  name: guid(vault.id, srsKeyName, 'functions', roles.vaultSecretsUser)
  properties: {
    principalId: functionsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.vaultSecretsUser)
    description: 'The functions rewrite the sender of forwarded mail under the SRS key.'
  }
}

resource functionsRelayPassword 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(relayCredentialName)) {
  scope: vault::relayPassword
  name: guid(vault.id, relayCredentialName, 'functions', roles.vaultSecretsUser)
  properties: {
    principalId: functionsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.vaultSecretsUser)
    description: 'The functions log in at the smarthost.'
  }
}
