import { resourceTags } from 'names.bicep'

param location string
param tags resourceTags
param workspaceId string
param busId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'mail')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: 'Mail'
    sourceId: workspaceId
    serializedData: replace(
      replace(loadTextContent('../monitoring/workbook.json'), '@BUS@', busId),
      '@WORKSPACE@',
      workspaceId
    )
  }
}
