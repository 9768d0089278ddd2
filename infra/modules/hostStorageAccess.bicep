// The Functions host needs to own its blobs: leases, keys, timers, the package.
import { roles } from 'names.bicep'

param storageName string
param functionsPrincipalId string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, 'functions', roles.blobDataOwner)
  properties: {
    principalId: functionsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataOwner)
    description: 'AzureWebJobsStorage of the Functions host.'
  }
}
