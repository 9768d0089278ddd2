// The names that code and infrastructure share, and the access of each side. Tests compare them with the code.

@export()
type resourceTags = {
  *: string
}

@export()
var queues = {
  inbound: 'mail-inbound'
  outbound: 'mail-outbound'
}

@export()
var containers = [
  'messages'
]

@export()
var tables = [
  'domains'
  'directory'
  'mailboxes'
  'references'
  'outbound'
  'traces'
  'stats'
  'tls'
]

@export()
@description('Tables that the edge only reads: one point read answers RCPT.')
var edgeReadTables = [
  'domains'
  'directory'
]

@export()
@description('Tables that the edge writes: maildrops, with their locks and deletions; traces; counters.')
var edgeWriteTables = [
  'mailboxes'
  'traces'
  'stats'
]

@export()
@description('Built-in role definitions, by their ids.')
var roles = {
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d'
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  busDataOwner: '090c5cfd-751d-490a-894a-3ce6f1109419'
  busDataSender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  tableDataReader: '76199698-9eea-4c19-bc75-cec21354c6b6'
  vaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  vaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
}
