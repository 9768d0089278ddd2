// The edge on Container Apps: TCP ingress in a network of our own. The client's address is hidden from it.
import { resourceTags } from 'names.bicep'

param environmentName string
param appName string
param location string
param tags resourceTags
param workspaceId string
param subnetId string
param identityId string
param registryServer string

@description('Image to run.')
param image string

@description('Settings of the edge, as name and value.')
param settings { name: string, value: string }[]

@description('Secret of the certificate in Key Vault, without a version; empty: no TLS, and no port that needs it.')
param certificateSecretUri string

@description('Secret of the SRS key in Key Vault, without a version; empty: none.')
param srsKeyUri string

@minValue(1)
param minReplicas int

@minValue(1)
param maxReplicas int

@description('TCP connections that one replica should carry before another is started.')
param connectionsPerReplica int

@description('Replicas in several availability zones.')
param zoneRedundant bool

var hasCertificate = !empty(certificateSecretUri)
var hasSrsKey = !empty(srsKeyUri)
var certificateFolder = '/mnt/tls'
// The stand-in has them too: `azd deploy` changes the image and nothing else, so that the edge would never get its own.
// It fails the first one for 205 seconds before it is started again, about as long as by the probe that Container Apps
// put where there is none; no revision has to be ready for a provision to end well. Ten failures are the most they take.
var probes = [
  {
    type: 'Startup'
    httpGet: { path: '/healthz/live', port: 8080 }
    initialDelaySeconds: 5
    periodSeconds: 20
    failureThreshold: 10
  }
  {
    type: 'Liveness'
    httpGet: { path: '/healthz/live', port: 8080 }
    periodSeconds: 10
    failureThreshold: 3
  }
  {
    type: 'Readiness'
    httpGet: { path: '/healthz/ready', port: 8080 }
    periodSeconds: 10
    failureThreshold: 3
  }
]
var plainPorts = [
  { exposedPort: 587, targetPort: 2587, external: true }
  { exposedPort: 110, targetPort: 2110, external: true }
]
var tlsPorts = [
  { exposedPort: 465, targetPort: 2465, external: true }
  { exposedPort: 995, targetPort: 2995, external: true }
]

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: environmentName
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' }
    vnetConfiguration: { infrastructureSubnetId: subnetId, internal: false }
    workloadProfiles: [{ name: 'Consumption', workloadProfileType: 'Consumption' }]
    zoneRedundant: zoneRedundant
  }
}

#disable-next-line use-recent-api-versions // older ones know no dedicated tables, newer ones there are none
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: environment
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
  }
}

resource edge 'Microsoft.App/containerApps@2025-01-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'edge' })
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 3
      ingress: {
        external: true
        transport: 'tcp'
        exposedPort: 25
        targetPort: 2525
        additionalPortMappings: concat(plainPorts, hasCertificate ? tlsPorts : [])
        traffic: [{ latestRevision: true, weight: 100 }]
      }
      registries: [{ server: registryServer, identity: identityId }]
      secrets: concat(
        hasCertificate ? [{ name: 'tls', keyVaultUrl: certificateSecretUri, identity: identityId }] : [],
        hasSrsKey ? [{ name: 'srs', keyVaultUrl: srsKeyUri, identity: identityId }] : []
      )
    }
    template: {
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'edge'
          image: image
          resources: { cpu: json('0.5'), memory: '1Gi' }
          env: concat(
            settings,
            [
              { name: 'Edge__Ports__Smtp', value: '2525' }
              { name: 'Edge__Ports__Submission', value: '2587' }
              { name: 'Edge__Ports__Smtps', value: hasCertificate ? '2465' : '0' }
              { name: 'Edge__Ports__Pop3', value: '2110' }
              { name: 'Edge__Ports__Pop3s', value: hasCertificate ? '2995' : '0' }
              // Every client seems to come from the ingress: a limit for each client is one for all. These are what
              // half a processor and 1 GiB hold: docs/security.md, what strangers may cost.
              { name: 'Edge__MaxConnections', value: '5000' }
              { name: 'Edge__MaxConnectionsPerClient', value: '5000' }
              { name: 'Edge__MaxNewConnectionsPerSecond', value: '200' }
              { name: 'Edge__MaxOctetsPerClient', value: '67108864' }
              { name: 'Edge__MaxOctetsPerNetwork', value: '67108864' }
              { name: 'Login__FreeFailuresPerClient', value: '1000000' }
              { name: 'Rates__MessagesPerClient', value: '72000' }
              { name: 'Rates__RecipientsPerClient', value: '360000' }
            ],
            hasCertificate ? [{ name: 'Tls__CertificatePath', value: '${certificateFolder}/certificate.pem' }] : [],
            hasSrsKey ? [{ name: 'Smtp__SrsKey', secretRef: 'srs' }] : []
          )
          probes: probes
          volumeMounts: hasCertificate ? [{ volumeName: 'tls', mountPath: certificateFolder }] : []
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          { name: 'connections', tcp: { metadata: { concurrentConnections: string(connectionsPerReplica) } } }
        ]
      }
      volumes: hasCertificate
        ? [{ name: 'tls', storageType: 'Secret', secrets: [{ secretRef: 'tls', path: 'certificate.pem' }] }]
        : []
    }
  }
}

output id string = edge.id
output name string = edge.name
output address string = environment.properties.staticIp
