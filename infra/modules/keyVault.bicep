// A vault for secrets that are reached by identity and never copied into a setting.
import { resourceTags } from 'names.bicep'

param name string
param location string
param tags resourceTags
param workspaceId string
param subnets { id: string }[]
param allowedAddresses string[]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: empty(subnets) ? 'Allow' : 'Deny'
      virtualNetworkRules: subnets
      ipRules: [for address in allowedAddresses: { value: address }]
    }
  }
}

#disable-next-line use-recent-api-versions // older ones know no dedicated tables, newer ones there are none
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

output name string = vault.name
output id string = vault.id
output uri string = vault.properties.vaultUri
