// The image that an edge on Container Apps runs now, so that a provision leaves it there.
param appName string

resource edge 'Microsoft.App/containerApps@2025-01-01' existing = {
  name: appName
}

output image string = edge.properties.template.containers[0].image
