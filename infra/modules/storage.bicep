// The mail: messages in a container, everything else in tables. No shared keys, nothing public.
import { containers, tables, resourceTags } from 'names.bicep'

param name string
param location string
param tags resourceTags

@description('Redundancy of the account.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param sku string

@description('Days in which a deleted or overwritten blob can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('Days after which a message that nobody removed moves to the cool tier; 0: never.')
@minValue(0)
param coolAfterDays int

@description('Subnets that may reach the account; empty: any network may try, with an identity.')
param subnets { id: string }[]

@description('Addresses that may reach it besides the subnets.')
param allowedAddresses string[]
param workspaceId string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
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
      isVersioningEnabled: true
      deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
      containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    }

    resource container 'containers' = [
      for container in containers: {
        name: container
        properties: { publicAccess: 'None' }
      }
    ]
  }

  resource tableService 'tableServices' = {
    name: 'default'

    resource table 'tables' = [
      for table in tables: {
        name: table
      }
    ]
  }

  resource lifecycle 'managementPolicies' = {
    name: 'default'
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: [
          {
            name: 'old-versions'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: { blobTypes: ['blockBlob'] }
              actions: { version: { delete: { daysAfterCreationGreaterThan: softDeleteDays } } }
            }
          }
          {
            name: 'cool-messages'
            type: 'Lifecycle'
            enabled: coolAfterDays > 0
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['${containers[0]}/'] }
              actions: { baseBlob: { tierToCool: { daysAfterCreationGreaterThan: max(coolAfterDays, 1) } } }
            }
          }
        ]
      }
    }
  }
}

#disable-next-line use-recent-api-versions // older ones know no dedicated tables, newer ones there are none
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output tableEndpoint string = account.properties.primaryEndpoints.table
