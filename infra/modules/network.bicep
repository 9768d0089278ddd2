// One network: a subnet for the edge's containers or machines, one for the functions.
import { resourceTags } from 'names.bicep'

param name string
param location string
param tags resourceTags

@description('The edge runs on machines of its own, which reach the internet through a NAT gateway.')
param machines bool
param natGatewayName string
param natAddressName string
param securityGroupName string

var guarded = [
  { service: 'Microsoft.Storage' }
  { service: 'Microsoft.KeyVault' }
]

resource machinesGroup 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: securityGroupName
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'mail'
        properties: {
          access: 'Allow'
          direction: 'Inbound'
          priority: 100
          protocol: 'Tcp'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRanges: ['25', '465', '587', '110', '995']
        }
      }
      {
        name: 'health'
        properties: {
          access: 'Allow'
          direction: 'Inbound'
          priority: 110
          protocol: 'Tcp'
          sourceAddressPrefix: 'AzureLoadBalancer'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '8080'
        }
      }
      {
        name: 'nothing-else'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource natAddress 'Microsoft.Network/publicIPAddresses@2024-07-01' = if (machines) {
  name: natAddressName
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource natGateway 'Microsoft.Network/natGateways@2024-07-01' = if (machines) {
  name: natGatewayName
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: {
    idleTimeoutInMinutes: 4
    publicIpAddresses: [{ id: natAddress.id }]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.20.0.0/16'] }
    subnets: [
      {
        name: 'containers'
        properties: {
          addressPrefix: '10.20.0.0/23'
          serviceEndpoints: guarded
          delegations: [
            { name: 'containers', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
        }
      }
      {
        name: 'functions'
        properties: {
          addressPrefix: '10.20.2.0/24'
          serviceEndpoints: guarded
          delegations: [
            { name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
        }
      }
      {
        name: 'functions-premium'
        properties: {
          addressPrefix: '10.20.3.0/24'
          serviceEndpoints: guarded
          delegations: [
            { name: 'functions', properties: { serviceName: 'Microsoft.Web/serverFarms' } }
          ]
        }
      }
      {
        name: 'machines'
        properties: {
          addressPrefix: '10.20.4.0/24'
          serviceEndpoints: guarded
          defaultOutboundAccess: false
          networkSecurityGroup: { id: machinesGroup.id }
          natGateway: machines ? { id: natGateway.id } : null
        }
      }
    ]
  }

  resource containers 'subnets' existing = {
    name: 'containers'
  }

  resource functions 'subnets' existing = {
    name: 'functions'
  }

  resource functionsPremium 'subnets' existing = {
    name: 'functions-premium'
  }

  resource edgeMachines 'subnets' existing = {
    name: 'machines'
  }
}

output containersSubnetId string = network::containers.id
output functionsSubnetId string = network::functions.id
output functionsPremiumSubnetId string = network::functionsPremium.id
output machinesSubnetId string = network::edgeMachines.id
