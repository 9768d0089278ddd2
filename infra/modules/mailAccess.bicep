// Who may do what with the mail, role by role: to one container and one table each, never to the account.
import { containers, tables, edgeReadTables, edgeWriteTables, roles } from 'names.bicep'

param storageName string
param edgePrincipalId string
param functionsPrincipalId string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource container 'containers' existing = [
      for container in containers: {
        name: container
      }
    ]
  }

  resource tableService 'tableServices' existing = {
    name: 'default'

    resource all 'tables' existing = [
      for table in tables: {
        name: table
      }
    ]

    resource edgeReads 'tables' existing = [
      for table in edgeReadTables: {
        name: table
      }
    ]

    resource edgeWrites 'tables' existing = [
      for table in edgeWriteTables: {
        name: table
      }
    ]
  }
}

@description('No built-in role writes and does not delete: a captured edge could take all mail away, and the container with it.')
resource edgeBlobRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'edge messages')
  properties: {
    roleName: 'Mail edge: create and read messages (${uniqueString(resourceGroup().id)})'
    description: 'Creates blobs and reads them; deletes none.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: [
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action'
        ]
        notDataActions: []
      }
    ]
  }
}

resource edgeBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (container, i) in containers: {
    scope: account::blobs::container[i]
    name: guid(account.id, container, 'edge', 'messages')
    properties: {
      principalId: edgePrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: edgeBlobRole.id
      description: 'The edge stores messages and reads them for POP3.'
    }
  }
]

resource edgeReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (table, i) in edgeReadTables: {
    scope: account::tableService::edgeReads[i]
    name: guid(account.id, table, 'edge', roles.tableDataReader)
    properties: {
      principalId: edgePrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.tableDataReader)
      description: 'The edge looks up recipients and logins.'
    }
  }
]

resource edgeWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (table, i) in edgeWriteTables: {
    scope: account::tableService::edgeWrites[i]
    name: guid(account.id, table, 'edge', roles.tableDataContributor)
    properties: {
      principalId: edgePrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.tableDataContributor)
      description: 'The edge locks maildrops, deletes for their owners, and writes its traces and counters.'
    }
  }
]

resource functionsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (container, i) in containers: {
    scope: account::blobs::container[i]
    name: guid(account.id, container, 'functions', roles.blobDataContributor)
    properties: {
      principalId: functionsPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
      description: 'The functions read messages, write imported ones and reports, and purge.'
    }
  }
]

resource functionsTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (table, i) in tables: {
    scope: account::tableService::all[i]
    name: guid(account.id, table, 'functions', roles.tableDataContributor)
    properties: {
      principalId: functionsPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.tableDataContributor)
      description: 'The functions deliver, administer and relay.'
    }
  }
]
