# What is left to do by hand: the DNS records to publish, and where the admin API is.
$ErrorActionPreference = 'Stop'
if (-not $env:SERVICE_EDGE_ADDRESS) { [Console]::Error.WriteLine("SERVICE_EDGE_ADDRESS is not known: run 'azd provision' first."); exit 1 }
@"

Publish these records for the server:
  $($env:MAIL_HOST_NAME).  A    $($env:SERVICE_EDGE_ADDRESS)
and for every domain of yours (GET /api/domains/{domain} lists them whole, DKIM included):
  example.com.  MX   10 $($env:MAIL_HOST_NAME).
  example.com.  TXT  "v=spf1 mx ~all"

Admin API:  $($env:SERVICE_FUNCTIONS_URI)/api/
Its key:    az functionapp keys list --resource-group $($env:AZURE_RESOURCE_GROUP) --name $($env:SERVICE_FUNCTIONS_NAME) --query functionKeys.default
"@
if (-not $env:TLS_CERTIFICATE_NAME) { 'There is no TLS certificate yet, so all logins are refused: see docs/deploy.md, Certificates.' }
