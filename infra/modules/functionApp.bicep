// The function app, an isolated worker: on Flex Consumption, or on Elastic Premium where that is wanted.
import { resourceTags } from 'names.bicep'

param name string
param planName string
param location string
param tags resourceTags

@allowed(['flex', 'elasticPremium'])
param hosting string

@description('Version of .NET.')
param runtimeVersion string

@description('Instances for HTTP and for the mail triggers that are always there; 0: all start when needed.')
@minValue(0)
param alwaysReady int

@minValue(1)
@maxValue(1000)
param maximumInstances int

@allowed([512, 2048, 4096])
param instanceMemory int

@description('Subnet to join; empty: none.')
param subnetId string
param identityId string
param identityClientId string
param hostBlobEndpoint string
param packageContainer string
param mailBlobEndpoint string
param mailTableEndpoint string
param busHostName string
param mailHostName string
param appInsightsConnection string
param workspaceId string

@description('Networks (CIDR) that may call the admin API; empty: any, with the key.')
param adminNetworks string[]

@description('Settings of the app besides those that this module knows.')
param settings { name: string, value: string }[]

var flex = hosting == 'flex'
var packageAddress = '${hostBlobEndpoint}${packageContainer}'
var commonSettings = [
  { name: 'AzureWebJobsStorage__blobServiceUri', value: hostBlobEndpoint }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
  { name: 'ServiceBusConnection__fullyQualifiedNamespace', value: busHostName }
  { name: 'ServiceBusConnection__credential', value: 'managedidentity' }
  { name: 'ServiceBusConnection__clientId', value: identityClientId }
  { name: 'MailStorage__blobServiceUri', value: mailBlobEndpoint }
  { name: 'MailStorage__tableServiceUri', value: mailTableEndpoint }
  { name: 'MailHostName', value: mailHostName }
  { name: 'AZURE_CLIENT_ID', value: identityClientId }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: appInsightsConnection }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identityClientId};Authorization=AAD' }
]
var premiumSettings = [
  { name: 'FUNCTIONS_EXTENSION_VERSION', value: '~4' }
  { name: 'FUNCTIONS_WORKER_RUNTIME', value: 'dotnet-isolated' }
  { name: 'WEBSITE_RUN_FROM_PACKAGE', value: '${packageAddress}/functions.zip' }
  { name: 'WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID', value: identityId }
]

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: flex ? 'functionapp' : 'elastic'
  sku: flex ? { name: 'FC1', tier: 'FlexConsumption' } : { name: 'EP1', tier: 'ElasticPremium' }
  properties: flex
    ? { reserved: true }
    : { reserved: true, elasticScaleEnabled: true, maximumElasticWorkerCount: min(maximumInstances, 100) }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'functions' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: flex
      ? {
          deployment: {
            storage: {
              type: 'blobContainer'
              value: packageAddress
              authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
            }
          }
          runtime: { name: 'dotnet-isolated', version: runtimeVersion }
          scaleAndConcurrency: {
            alwaysReady: alwaysReady == 0
              ? []
              : [
                  { name: 'http', instanceCount: alwaysReady }
                  { name: 'function:Inbound', instanceCount: alwaysReady }
                ]
            instanceMemoryMB: instanceMemory
            maximumInstanceCount: maximumInstances
          }
        }
      : null
    siteConfig: {
      appSettings: concat(commonSettings, settings, flex ? [] : premiumSettings)
      linuxFxVersion: flex ? null : 'DOTNET-ISOLATED|${runtimeVersion}'
      minimumElasticInstanceCount: flex ? null : max(alwaysReady, 1)
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictions: [
        for (network, i) in adminNetworks: {
          name: 'admin-${i}'
          action: 'Allow'
          ipAddress: network
          priority: 100 + i
        }
      ]
      ipSecurityRestrictionsDefaultAction: empty(adminNetworks) ? 'Allow' : 'Deny'
    }
  }

  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

#disable-next-line use-recent-api-versions // older ones know no dedicated tables, newer ones there are none
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = app.id
output name string = app.name
output uri string = 'https://${app.properties.defaultHostName}'
