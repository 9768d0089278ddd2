// What the Functions host keeps for itself, and the package it runs: apart from the mail, because the host owns it.
import { resourceTags } from 'names.bicep'

param name string
param location string
param tags resourceTags
param packageContainer string
param subnets { id: string }[]
param allowedAddresses string[]

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: empty(subnets) ? 'Allow' : 'Deny'
      virtualNetworkRules: subnets
      ipRules: [for address in allowedAddresses: { value: address, action: 'Allow' }]
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: { enabled: true, days: 7 }
    }

    resource package 'containers' = {
      name: packageContainer
      properties: { publicAccess: 'None' }
    }
  }
}

output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
