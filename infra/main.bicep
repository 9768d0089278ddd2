// Mailboxes on a subscription: storage, queues, function app and edge, each with its own identity and no secret.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the environment: part of the resource group\'s name and the seed of all others.')
param environmentName string

@minLength(1)
@description('Region of every resource.')
param location string

@minLength(3)
@description('The name that MX records point to and that the server greets with, such as mail.example.com.')
param mailHostName string

@description('Account that gets mail for postmaster@ and abuse@ of new domains; empty: none.')
param postmaster string = ''

@description('Where alerts are mailed to; empty: nowhere.')
param alertAddress string = ''

@description('host:port that takes all mail for others, such as smtp.example.net:587; empty: straight to MX hosts, which needs port 25 outwards.')
param relaySmarthost string = ''

@description('Login at the smarthost; empty: none.')
param relayUserName string = ''

@description('Name of the secret in Key Vault that holds the password for it; empty: none.')
param relayCredentialName string = ''

@description('Name of the secret in Key Vault under which forwarded mail gets its sender (SRS); empty: senders stay.')
param srsKeyName string = ''

@description('Where the edge runs: Container Apps hide the client\'s address, machines keep it.')
@allowed(['containerApps', 'vmss'])
param edgeHosting string = 'containerApps'

@description('The edge is there already, on Container Apps, and keeps its image; azd finds that out. Else a stand-in runs until it is deployed.')
param edgeExists bool = false

@minValue(0)
@description('Replicas, or machines, that always run; 0: one replica, or two machines.')
param edgeMinInstances int = 0

@minValue(1)
param edgeMaxInstances int = 5

@description('TCP connections one replica should carry before another one is started (Container Apps).')
param edgeConnectionsPerReplica int = 500

@description('Size of a machine (vmss).')
param edgeMachineSize string = 'Standard_B2ls_v2'

@description('Public key for the administrator of the machines (vmss).')
param edgeSshPublicKey string = ''

@description('Administrator of the machines (vmss).')
param edgeAdministrator string = 'postmaster'

@description('Availability zones to spread over; empty: none.')
param zones string[] = []

@description('Name of the TLS certificate in Key Vault, with a PEM content type; empty: no TLS yet.')
param tlsCertificateName string = ''

@allowed(['flex', 'elasticPremium'])
@description('Plan of the function app.')
param functionsHosting string = 'flex'

@description('Version of .NET on Flex Consumption and Elastic Premium.')
param functionsRuntimeVersion string = '10.0'

@description('Instances of the function app that never go away; 0: all start when needed.')
param functionsAlwaysReady int = 0

@minValue(1)
param functionsMaximumInstances int = 40

@allowed([512, 2048, 4096])
param functionsInstanceMemory int = 2048

@description('Networks (CIDR) that may call the admin API; empty: any, with the key.')
param adminNetworks string[] = []

@description('Storage and vault answer only the system\'s own subnets, and the function app joins the network.')
param networkIsolation bool = false

@description('Addresses, with commas, that reach storage and vault in spite of networkIsolation: the postmaster\'s and the pipeline\'s.')
param allowedAddresses string = ''

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
@description('Copies of the mail. Regions without availability zones know no ZRS.')
param storageRedundancy string = 'Standard_ZRS'

@description('Days in which deleted blobs can be brought back.')
param blobSoftDeleteDays int = 14

@description('Days after which messages move to the cool tier; 0: never.')
param messagesCoolAfterDays int = 60

@description('Days that logs are kept.')
param logRetentionDays int = 30

var abbreviations = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var names = {
  appInsights: '${abbreviations.appInsights}${token}'
  bus: '${abbreviations.bus}${token}'
  dkimVault: '${abbreviations.vault}dkim${token}'
  edgeContainers: '${abbreviations.containerApp}edge-${token}'
  hostStorage: '${abbreviations.storage}host${token}'
  mailStorage: '${abbreviations.storage}mail${token}'
  registry: '${abbreviations.registry}${token}'
  vault: '${abbreviations.vault}${token}'
}
var machines = edgeHosting == 'vmss'
var edgeInstances = edgeMinInstances == 0 ? (machines ? 2 : 1) : max(edgeMinInstances, 1)
var packageContainer = 'app-package'
var certificateSecretUri = empty(tlsCertificateName) ? '' : '${vault.outputs.uri}secrets/${tlsCertificateName}'
var srsKeyUri = empty(srsKeyName) ? '' : '${vault.outputs.uri}secrets/${srsKeyName}'
var relaySettings = concat(
  empty(relaySmarthost) ? [] : [{ name: 'Relay__Smarthost', value: relaySmarthost }],
  empty(relayUserName) ? [] : [{ name: 'Relay__UserName', value: relayUserName }],
  empty(relayCredentialName)
    ? []
    : [
        {
          name: 'Relay__Password'
          value: '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/${relayCredentialName})'
        }
      ],
  empty(srsKeyName) ? [] : [{ name: 'Relay__SrsKey', value: '@Microsoft.KeyVault(SecretUri=${srsKeyUri})' }]
)
var functionsSubnetId = networkIsolation
  ? (functionsHosting == 'flex' ? network.outputs.functionsSubnetId : network.outputs.functionsPremiumSubnetId)
  : ''
var addresses = empty(allowedAddresses) ? [] : split(replace(allowedAddresses, ' ', ''), ',')
var guardedSubnets = networkIsolation
  ? [
      { id: network.outputs.containersSubnetId }
      { id: network.outputs.functionsSubnetId }
      { id: network.outputs.functionsPremiumSubnetId }
      { id: network.outputs.machinesSubnetId }
    ]
  : []
var edgeSettings = [
  { name: 'Edge__HostName', value: mailHostName }
  { name: 'Edge__Address', value: '0.0.0.0' }
  { name: 'MailStorage__blobServiceUri', value: storage.outputs.blobEndpoint }
  { name: 'MailStorage__tableServiceUri', value: storage.outputs.tableEndpoint }
  { name: 'ServiceBusConnection__fullyQualifiedNamespace', value: bus.outputs.hostName }
  { name: 'AZURE_CLIENT_ID', value: edgeIdentity.outputs.clientId }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: monitoring.outputs.appInsightsConnection }
  {
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
    value: 'ClientId=${edgeIdentity.outputs.clientId};Authorization=AAD'
  }
]

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: '${abbreviations.resourceGroup}${environmentName}'
  location: location
  tags: tags
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: '${abbreviations.logAnalytics}${token}'
    appInsightsName: names.appInsights
    location: location
    tags: tags
    retentionDays: logRetentionDays
  }
}

module network 'modules/network.bicep' = {
  scope: group
  params: {
    name: '${abbreviations.virtualNetwork}${token}'
    natGatewayName: '${abbreviations.natGateway}${token}'
    natAddressName: '${abbreviations.publicAddress}out-${token}'
    securityGroupName: '${abbreviations.networkSecurityGroup}edge-${token}'
    location: location
    tags: tags
    machines: machines
  }
}

module edgeIdentity 'modules/identity.bicep' = {
  scope: group
  params: { name: '${abbreviations.identity}edge-${token}', location: location, tags: tags }
}

module functionsIdentity 'modules/identity.bicep' = {
  scope: group
  params: { name: '${abbreviations.identity}functions-${token}', location: location, tags: tags }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: names.mailStorage
    location: location
    tags: tags
    sku: storageRedundancy
    softDeleteDays: blobSoftDeleteDays
    coolAfterDays: messagesCoolAfterDays
    subnets: guardedSubnets
    allowedAddresses: addresses
    workspaceId: monitoring.outputs.workspaceId
  }
}

module hostStorage 'modules/hostStorage.bicep' = {
  scope: group
  params: {
    name: names.hostStorage
    location: location
    tags: tags
    packageContainer: packageContainer
    subnets: guardedSubnets
    allowedAddresses: addresses
  }
}

module bus 'modules/serviceBus.bicep' = {
  scope: group
  params: {
    name: names.bus
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'modules/keyVault.bicep' = {
  scope: group
  params: {
    name: names.vault
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    subnets: guardedSubnets
    allowedAddresses: addresses
  }
}

module dkimVault 'modules/keyVault.bicep' = {
  scope: group
  params: {
    name: names.dkimVault
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    subnets: guardedSubnets
    allowedAddresses: addresses
  }
}

module registry 'modules/registry.bicep' = {
  scope: group
  params: { name: names.registry, location: location, tags: tags }
}

module mailAccess 'modules/mailAccess.bicep' = {
  scope: group
  dependsOn: [storage]
  params: {
    storageName: names.mailStorage
    edgePrincipalId: edgeIdentity.outputs.principalId
    functionsPrincipalId: functionsIdentity.outputs.principalId
  }
}

module hostStorageAccess 'modules/hostStorageAccess.bicep' = {
  scope: group
  dependsOn: [hostStorage]
  params: { storageName: names.hostStorage, functionsPrincipalId: functionsIdentity.outputs.principalId }
}

module busAccess 'modules/busAccess.bicep' = {
  scope: group
  dependsOn: [bus]
  params: {
    busName: names.bus
    edgePrincipalId: edgeIdentity.outputs.principalId
    functionsPrincipalId: functionsIdentity.outputs.principalId
  }
}

module vaultAccess 'modules/vaultAccess.bicep' = {
  scope: group
  dependsOn: [vault]
  params: {
    vaultName: names.vault
    certificateName: tlsCertificateName
    srsKeyName: srsKeyName
    relayCredentialName: relayCredentialName
    edgePrincipalId: edgeIdentity.outputs.principalId
    functionsPrincipalId: functionsIdentity.outputs.principalId
  }
}

module dkimAccess 'modules/dkimAccess.bicep' = {
  scope: group
  dependsOn: [dkimVault]
  params: { vaultName: names.dkimVault, functionsPrincipalId: functionsIdentity.outputs.principalId }
}

module registryAccess 'modules/registryAccess.bicep' = {
  scope: group
  dependsOn: [registry]
  params: { registryName: names.registry, edgePrincipalId: edgeIdentity.outputs.principalId }
}

module monitoringAccess 'modules/monitoringAccess.bicep' = {
  scope: group
  dependsOn: [monitoring]
  params: {
    appInsightsName: names.appInsights
    edgePrincipalId: edgeIdentity.outputs.principalId
    functionsPrincipalId: functionsIdentity.outputs.principalId
  }
}

module runningImage 'modules/runningImage.bicep' = if (!machines && edgeExists) {
  scope: group
  params: { appName: names.edgeContainers }
}

module edgeContainers 'modules/edgeContainers.bicep' = if (!machines) {
  scope: group
  dependsOn: [mailAccess, busAccess, vaultAccess, registryAccess, monitoringAccess]
  params: {
    environmentName: '${abbreviations.containerEnvironment}${token}'
    appName: names.edgeContainers
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    subnetId: network.outputs.containersSubnetId
    identityId: edgeIdentity.outputs.id
    registryServer: registry.outputs.loginServer
    image: edgeExists ? runningImage!.outputs.image : 'mcr.microsoft.com/k8se/quickstart:latest'
    settings: edgeSettings
    certificateSecretUri: certificateSecretUri
    srsKeyUri: srsKeyUri
    minReplicas: edgeInstances
    maxReplicas: edgeMaxInstances
    connectionsPerReplica: edgeConnectionsPerReplica
    zoneRedundant: !empty(zones)
  }
}

module edgeMachines 'modules/edgeMachines.bicep' = if (machines) {
  scope: group
  dependsOn: [mailAccess, busAccess, vaultAccess, registryAccess, monitoringAccess]
  params: {
    name: '${abbreviations.scaleSet}edge-${token}'
    loadBalancerName: '${abbreviations.loadBalancer}edge-${token}'
    addressName: '${abbreviations.publicAddress}edge-${token}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    subnetId: network.outputs.machinesSubnetId
    identityId: edgeIdentity.outputs.id
    identityClientId: edgeIdentity.outputs.clientId
    registryServer: registry.outputs.loginServer
    image: '${registry.outputs.loginServer}/edge:latest'
    settings: edgeSettings
    certificateSecretUri: certificateSecretUri
    srsKeyUri: srsKeyUri
    sshPublicKey: edgeSshPublicKey
    administrator: edgeAdministrator
    size: edgeMachineSize
    zones: zones
    minMachines: edgeInstances
    maxMachines: edgeMaxInstances
  }
}

module functionApp 'modules/functionApp.bicep' = {
  scope: group
  dependsOn: [mailAccess, hostStorageAccess, busAccess, vaultAccess, dkimAccess, monitoringAccess]
  params: {
    name: '${abbreviations.functionApp}${token}'
    planName: '${abbreviations.plan}${token}'
    location: location
    tags: tags
    hosting: functionsHosting
    runtimeVersion: functionsRuntimeVersion
    alwaysReady: functionsAlwaysReady
    maximumInstances: functionsMaximumInstances
    instanceMemory: functionsInstanceMemory
    subnetId: functionsSubnetId
    identityId: functionsIdentity.outputs.id
    identityClientId: functionsIdentity.outputs.clientId
    hostBlobEndpoint: hostStorage.outputs.blobEndpoint
    packageContainer: packageContainer
    mailBlobEndpoint: storage.outputs.blobEndpoint
    mailTableEndpoint: storage.outputs.tableEndpoint
    busHostName: bus.outputs.hostName
    mailHostName: mailHostName
    appInsightsConnection: monitoring.outputs.appInsightsConnection
    workspaceId: monitoring.outputs.workspaceId
    adminNetworks: adminNetworks
    settings: concat(
      [{ name: 'Dkim__KeyVaultUri', value: dkimVault.outputs.uri }],
      empty(postmaster) ? [] : [{ name: 'MailPostmaster', value: postmaster }],
      relaySettings
    )
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    actionGroupName: '${abbreviations.actionGroup}${token}'
    location: location
    tags: tags
    alertAddress: alertAddress
    workspaceId: monitoring.outputs.workspaceId
    busId: bus.outputs.id
    vaultName: names.vault
    vaultId: vault.outputs.id
    edgeHosting: edgeHosting
    edgeId: machines ? edgeMachines!.outputs.balancerId : edgeContainers!.outputs.id
    backlog: 100
    loginFailures: 100
    deferrals: 50
    relayDeferrals: 20
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    busId: bus.outputs.id
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = registry.outputs.loginServer
output AZURE_CONTAINER_REGISTRY_NAME string = registry.outputs.name
output AZURE_KEY_VAULT_NAME string = vault.outputs.name
output AZURE_STORAGE_ACCOUNT_NAME string = storage.outputs.name
output AZURE_SERVICE_BUS_NAME string = bus.outputs.name
output EDGE_HOSTING string = edgeHosting
output MAIL_HOST_NAME string = mailHostName
output SERVICE_EDGE_NAME string = machines ? edgeMachines!.outputs.name : edgeContainers!.outputs.name
output SERVICE_EDGE_ADDRESS string = machines ? edgeMachines!.outputs.address : edgeContainers!.outputs.address
output SERVICE_FUNCTIONS_NAME string = functionApp.outputs.name
output SERVICE_FUNCTIONS_URI string = functionApp.outputs.uri
output SERVICE_FUNCTIONS_PACKAGE_ACCOUNT string = hostStorage.outputs.name
