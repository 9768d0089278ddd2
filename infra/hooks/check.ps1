# Stops with a sentence when something is missing that provisioning needs.
$ErrorActionPreference = 'Stop'
function Fail($sentence) { [Console]::Error.WriteLine($sentence); exit 1 }

if (-not $env:MAIL_HOST_NAME) { Fail "MAIL_HOST_NAME is not set: run 'azd env set MAIL_HOST_NAME mail.example.com' with the name that your MX records point to." }
if (-not (Get-Command dotnet -ErrorAction SilentlyContinue)) { Fail 'The .NET 10 SDK is not on the PATH: install it, it builds the function app.' }
if ($env:EDGE_HOSTING -eq 'vmss' -and -not $env:EDGE_SSH_PUBLIC_KEY) {
  Fail "EDGE_SSH_PUBLIC_KEY is not set: run 'azd env set EDGE_SSH_PUBLIC_KEY ...' with your public key, the machines of the edge need an administrator."
}
