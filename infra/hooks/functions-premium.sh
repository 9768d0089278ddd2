#!/bin/sh
# For FUNCTIONS_HOSTING=elasticPremium: without a file share, which would need a key, the plan runs the package from a blob by
# its identity. So azd's package is put there, and the app restarted.
set -eu
fail() { echo "$1" >&2; exit 1; }

command -v az >/dev/null || fail "The Azure CLI (az) is not on the PATH: install it, it uploads the package."
[ -n "${SERVICE_FUNCTIONS_PACKAGE_ACCOUNT:-}" ] || fail "SERVICE_FUNCTIONS_PACKAGE_ACCOUNT is not known: run 'azd provision' first."
cd "$(dirname "$0")/../.."
mkdir -p artifacts/publish
azd package functions --output-path artifacts/publish/functions.zip --no-prompt
az storage blob upload --auth-mode login --account-name "$SERVICE_FUNCTIONS_PACKAGE_ACCOUNT" --container-name app-package --name functions.zip --file artifacts/publish/functions.zip --overwrite
az functionapp restart --resource-group "$AZURE_RESOURCE_GROUP" --name "$SERVICE_FUNCTIONS_NAME"
