import { roles } from 'names.bicep'

param registryName string
param edgePrincipalId string

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource edgePulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, 'edge', roles.acrPull)
  properties: {
    principalId: edgePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
    description: 'The edge pulls its image.'
  }
}
