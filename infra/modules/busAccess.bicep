// The edge sends to one queue. The functions own both: counts, scaling and dead letters need the right to manage.
import { queues, roles } from 'names.bicep'

param busName string
param edgePrincipalId string
param functionsPrincipalId string

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: busName

  resource inbound 'queues' existing = {
    name: queues.inbound
  }

  resource all 'queues' existing = [
    for item in items(queues): {
      name: item.value
    }
  ]
}

resource edgeSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: bus::inbound
  name: guid(bus.id, queues.inbound, 'edge', roles.busDataSender)
  properties: {
    principalId: edgePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.busDataSender)
    description: 'The edge announces accepted messages.'
  }
}

resource functionsOwn 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (item, i) in items(queues): {
    scope: bus::all[i]
    name: guid(bus.id, item.value, 'functions', roles.busDataOwner)
    properties: {
      principalId: functionsPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.busDataOwner)
      description: 'Trigger, send, dead letters; counting and scaling ask for the right to manage the queue.'
    }
  }
]
