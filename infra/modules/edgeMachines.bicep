// The edge on a scale set behind a Standard load balancer, which hands the client's own address through.
import { resourceTags } from 'names.bicep'

param name string
param loadBalancerName string
param addressName string
param location string
param tags resourceTags
param workspaceId string
param subnetId string
param identityId string
param identityClientId string
param registryServer string
param image string
param settings { name: string, value: string }[]
param certificateSecretUri string
param srsKeyUri string

@description('Public key for the administrator of the machines; no port lets them in from outside.')
param sshPublicKey string
param administrator string
param size string
param zones string[]

@minValue(1)
param minMachines int

@minValue(1)
param maxMachines int

var mailPorts = [25, 465, 587, 110, 995]
var hasCertificate = !empty(certificateSecretUri)
var allSettings = concat(
  settings,
  [
    // The ports of the balancer: the container has the machine's network, and the image's own ports are others.
    { name: 'Edge__Ports__Smtp', value: '25' }
    { name: 'Edge__Ports__Submission', value: '587' }
    { name: 'Edge__Ports__Smtps', value: hasCertificate ? '465' : '0' }
    { name: 'Edge__Ports__Pop3', value: '110' }
    { name: 'Edge__Ports__Pop3s', value: hasCertificate ? '995' : '0' }
    { name: 'Edge__Ports__Health', value: '8080' }
  ],
  hasCertificate ? [{ name: 'Tls__CertificatePath', value: '/mnt/tls/certificate.pem' }] : []
)
var environmentLines = map(allSettings, s => '${s.name}=${s.value}')
var replacements = [
  { from: '@IMAGE@', to: image }
  { from: '@REGISTRY@', to: registryServer }
  { from: '@CLIENT_ID@', to: identityClientId }
  { from: '@CERTIFICATE@', to: certificateSecretUri }
  { from: '@SRS_KEY@', to: srsKeyUri }
  { from: '@ENVIRONMENT@', to: join(environmentLines, '\n      ') }
]
var cloudInit = reduce(
  replacements,
  loadTextContent('../scaleSet/cloud-init.yaml'),
  (text, r) => replace(text, r.from, r.to)
)

resource publicAddress 'Microsoft.Network/publicIPAddresses@2024-07-01' = {
  name: addressName
  location: location
  tags: tags
  sku: { name: 'Standard' }
  zones: empty(zones) ? null : zones
  properties: { publicIPAllocationMethod: 'Static', idleTimeoutInMinutes: 30 }
}

resource balancer 'Microsoft.Network/loadBalancers@2024-07-01' = {
  name: loadBalancerName
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: {
    frontendIPConfigurations: [
      { name: 'mail', properties: { publicIPAddress: { id: publicAddress.id } } }
    ]
    backendAddressPools: [{ name: 'edge' }]
    probes: [
      {
        name: 'ready'
        properties: {
          protocol: 'Http'
          port: 8080
          requestPath: '/healthz/ready'
          intervalInSeconds: 5
          probeThreshold: 2
        }
      }
    ]
    loadBalancingRules: [
      for port in mailPorts: {
        name: 'port-${port}'
        properties: {
          protocol: 'Tcp'
          frontendPort: port
          backendPort: port
          idleTimeoutInMinutes: 30
          enableTcpReset: true
          disableOutboundSnat: true
          frontendIPConfiguration: {
            id: resourceId('Microsoft.Network/loadBalancers/frontendIPConfigurations', loadBalancerName, 'mail')
          }
          backendAddressPool: {
            id: resourceId('Microsoft.Network/loadBalancers/backendAddressPools', loadBalancerName, 'edge')
          }
          probe: { id: resourceId('Microsoft.Network/loadBalancers/probes', loadBalancerName, 'ready') }
        }
      }
    ]
  }

  resource pool 'backendAddressPools' existing = {
    name: 'edge'
  }
}

resource machines 'Microsoft.Compute/virtualMachineScaleSets@2024-11-01' = {
  name: name
  location: location
  tags: tags
  zones: empty(zones) ? null : zones
  sku: { name: size, tier: 'Standard', capacity: minMachines }
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    orchestrationMode: 'Uniform'
    overprovision: false
    // edge-machines.sh brings a new model to the machines: settings are customData, which only a reimage reads again.
    // Automatic OS upgrades don't know this image; Ubuntu installs its security updates by itself.
    upgradePolicy: { mode: 'Manual', automaticOSUpgradePolicy: { enableAutomaticOSUpgrade: false } }
    virtualMachineProfile: {
      securityProfile: {
        securityType: 'TrustedLaunch'
        uefiSettings: { secureBootEnabled: true, vTpmEnabled: true }
        encryptionAtHost: false
      }
      osProfile: {
        computerNamePrefix: 'edge'
        adminUsername: administrator
        customData: base64(cloudInit)
        linuxConfiguration: {
          disablePasswordAuthentication: true
          ssh: { publicKeys: [{ path: '/home/${administrator}/.ssh/authorized_keys', keyData: sshPublicKey }] }
        }
      }
      storageProfile: {
        imageReference: { publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server', version: 'latest' }
        osDisk: {
          createOption: 'FromImage'
          caching: 'ReadWrite'
          managedDisk: { storageAccountType: 'StandardSSD_LRS' }
        }
      }
      networkProfile: {
        networkInterfaceConfigurations: [
          {
            name: 'edge'
            properties: {
              primary: true
              ipConfigurations: [
                {
                  name: 'edge'
                  properties: {
                    subnet: { id: subnetId }
                    loadBalancerBackendAddressPools: [{ id: balancer::pool.id }]
                  }
                }
              ]
            }
          }
        ]
      }
      scheduledEventsProfile: { terminateNotificationProfile: { enable: true, notBeforeTimeout: 'PT5M' } }
      extensionProfile: {
        extensions: [
          {
            name: 'health'
            properties: {
              publisher: 'Microsoft.ManagedServices'
              type: 'ApplicationHealthLinux'
              typeHandlerVersion: '1.0'
              autoUpgradeMinorVersion: true
              settings: { protocol: 'http', port: 8080, requestPath: '/healthz/live' }
            }
          }
          {
            name: 'logs'
            properties: {
              publisher: 'Microsoft.Azure.Monitor'
              type: 'AzureMonitorLinuxAgent'
              typeHandlerVersion: '1.33'
              autoUpgradeMinorVersion: true
              enableAutomaticUpgrade: true
              settings: {
                authentication: {
                  managedIdentity: { 'identifier-name': 'mi_res_id', 'identifier-value': identityId }
                }
              }
            }
          }
        ]
      }
    }
  }
}

resource scaling 'Microsoft.Insights/autoscaleSettings@2022-10-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    enabled: true
    targetResourceUri: machines.id
    profiles: [
      {
        name: 'by-processor'
        capacity: { minimum: string(minMachines), maximum: string(maxMachines), default: string(minMachines) }
        rules: [
          {
            metricTrigger: {
              metricName: 'Percentage CPU'
              metricResourceUri: machines.id
              operator: 'GreaterThan'
              statistic: 'Average'
              threshold: 65
              timeAggregation: 'Average'
              timeGrain: 'PT1M'
              timeWindow: 'PT5M'
            }
            scaleAction: { direction: 'Increase', type: 'ChangeCount', value: '1', cooldown: 'PT5M' }
          }
          {
            metricTrigger: {
              metricName: 'Percentage CPU'
              metricResourceUri: machines.id
              operator: 'LessThan'
              statistic: 'Average'
              threshold: 20
              timeAggregation: 'Average'
              timeGrain: 'PT1M'
              timeWindow: 'PT15M'
            }
            scaleAction: { direction: 'Decrease', type: 'ChangeCount', value: '1', cooldown: 'PT15M' }
          }
        ]
      }
    ]
  }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' = {
  name: '${name}-logs'
  location: location
  tags: tags
  kind: 'Linux'
  properties: {
    dataSources: {
      syslog: [
        {
          name: 'edge'
          streams: ['Microsoft-Syslog']
          facilityNames: ['daemon']
          logLevels: ['Info', 'Notice', 'Warning', 'Error', 'Critical', 'Alert', 'Emergency']
        }
      ]
    }
    destinations: { logAnalytics: [{ name: 'workspace', workspaceResourceId: workspaceId }] }
    dataFlows: [{ streams: ['Microsoft-Syslog'], destinations: ['workspace'] }]
  }
}

resource association 'Microsoft.Insights/dataCollectionRuleAssociations@2024-03-11' = {
  name: 'edge-logs'
  scope: machines
  properties: { dataCollectionRuleId: rule.id }
}

output id string = machines.id
output name string = machines.name
output balancerId string = balancer.id
output address string = publicAddress.properties.ipAddress
