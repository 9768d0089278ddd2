// The queues of the system: duplicates dropped, a minute of lock, ten deliveries, then the dead letters.
import { queues, resourceTags } from 'names.bicep'

param name string
param location string
param tags resourceTags
param workspaceId string

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
  }

  resource queue 'queues' = [
    for item in items(queues): {
      name: item.value
      properties: {
        requiresDuplicateDetection: true
        duplicateDetectionHistoryTimeWindow: 'PT10M'
        lockDuration: 'PT1M' // the host renews it while a function works: after a crash mail comes again within a minute
        maxDeliveryCount: 10
        deadLetteringOnMessageExpiration: true
        defaultMessageTimeToLive: 'P14D'
        maxSizeInMegabytes: 5120
      }
    }
  ]
}

#disable-next-line use-recent-api-versions // older ones know no dedicated tables, newer ones there are none
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: bus
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ category: 'OperationalLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output name string = bus.name
output id string = bus.id
@description('name.servicebus.windows.net, in whichever cloud.')
output hostName string = split(split(bus.properties.serviceBusEndpoint, '//')[1], ':')[0]
