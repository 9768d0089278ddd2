// What a postmaster wants to be woken for, and by whom.
import { queues, resourceTags } from 'names.bicep'

param actionGroupName string
param location string
param tags resourceTags

@description('Where alerts are mailed to: an address that this system does not serve itself.')
param alertAddress string
param workspaceId string
param busId string
param vaultName string
param vaultId string

@allowed(['containerApps', 'vmss'])
param edgeHosting string

@description('The container app, or the load balancer in front of the machines.')
param edgeId string

@description('Messages waiting in a queue for a quarter of an hour that are one alert.')
param backlog int

@description('Refused logins in a quarter of an hour that are one alert.')
param loginFailures int

@description('Messages whose delivery here is put off in an hour that are one alert.')
param deferrals int

@description('Messages that remote hosts still put off after a quarter of an hour, in an hour, that are one alert.')
param relayDeferrals int

var logAlerts = [
  {
    name: 'edge-login-failures'
    description: 'Somebody may be guessing passwords.'
    query: loadTextContent('../monitoring/login-failures.kql')
    threshold: loginFailures
    window: 'PT15M'
    severity: 2
  }
  {
    name: 'edge-certificate'
    description: 'A new certificate of the edge can not be read; it goes on with the old one until that expires.'
    query: loadTextContent('../monitoring/certificate-faults.kql')
    threshold: 0
    window: 'PT15M'
    severity: 1
  }
  {
    name: 'edge-faults'
    description: 'Sessions ended by faults of the server itself.'
    query: loadTextContent('../monitoring/edge-faults.kql')
    threshold: 0
    window: 'PT15M'
    severity: 2
  }
  {
    name: 'mail-deferred'
    description: 'Deliveries here are being put off: storage or the bus is away.'
    query: loadTextContent('../monitoring/deferred.kql')
    threshold: deferrals
    window: 'PT1H'
    severity: 2
  }
  {
    name: 'relay-deferred'
    description: 'Remote hosts do not take mail of ours, or can not be reached: it waits and is tried again.'
    query: loadTextContent('../monitoring/relay-deferred.kql')
    threshold: relayDeferrals
    window: 'PT1H'
    severity: 2
  }
]

resource postmaster 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'postmaster'
    emailReceivers: empty(alertAddress)
      ? []
      : [{ name: 'postmaster', emailAddress: alertAddress, useCommonAlertSchema: true }]
  }
}

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'mail-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'A message could not be worked on ten times and waits for the postmaster.'
    enabled: true
    severity: 1
    scopes: [busId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-letters'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Maximum'
          dimensions: [{ name: 'EntityName', operator: 'Include', values: map(items(queues), q => q.value) }]
        }
      ]
    }
    actions: [{ actionGroupId: postmaster.id }]
  }
}

resource age 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'mail-queue-age'
  location: 'global'
  tags: tags
  properties: {
    description: 'Mail has been waiting for a quarter of an hour: the functions do not keep up, or do not run.'
    enabled: true
    severity: 2
    scopes: [busId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'waiting'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'ActiveMessages'
          operator: 'GreaterThan'
          threshold: backlog
          // The least of a quarter of an hour: an empty moment in it means that somebody works.
          timeAggregation: 'Minimum'
          dimensions: [{ name: 'EntityName', operator: 'Include', values: map(items(queues), q => q.value) }]
        }
      ]
    }
    actions: [{ actionGroupId: postmaster.id }]
  }
}

resource edgeDown 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'edge-down'
  location: 'global'
  tags: tags
  properties: {
    description: 'No edge takes mail.'
    enabled: true
    severity: 0
    scopes: [edgeId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        edgeHosting == 'containerApps'
          ? {
              name: 'replicas'
              criterionType: 'StaticThresholdCriterion'
              metricNamespace: 'Microsoft.App/containerapps'
              metricName: 'Replicas'
              operator: 'LessThan'
              threshold: 1
              timeAggregation: 'Maximum'
            }
          : {
              name: 'probes'
              criterionType: 'StaticThresholdCriterion'
              metricNamespace: 'Microsoft.Network/loadBalancers'
              metricName: 'DipAvailability'
              operator: 'LessThan'
              threshold: 50
              timeAggregation: 'Average'
            }
      ]
    }
    actions: [{ actionGroupId: postmaster.id }]
  }
}

resource fromLogs 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: alert.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.name
      description: alert.description
      enabled: true
      severity: alert.severity
      scopes: [workspaceId]
      evaluationFrequency: 'PT15M'
      windowSize: alert.window
      autoMitigate: true
      // The tables are made by the first row that is written to them.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: alert.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [postmaster.id] }
    }
  }
]

resource vaultEvents 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: vaultName
  location: location
  tags: tags
  properties: { source: vaultId, topicType: 'Microsoft.KeyVault.vaults' }

  resource expiry 'eventSubscriptions' = {
    name: 'certificate-expiry'
    properties: {
      eventDeliverySchema: 'CloudEventSchemaV1_0'
      filter: {
        includedEventTypes: [
          'Microsoft.KeyVault.CertificateNearExpiry'
          'Microsoft.KeyVault.CertificateExpired'
        ]
      }
      destination: {
        endpointType: 'MonitorAlert'
        properties: {
          severity: 'Sev1'
          description: 'The certificate of the edge is about to expire: import a new one into the vault.'
          actionGroups: [postmaster.id]
        }
      }
    }
  }
}
