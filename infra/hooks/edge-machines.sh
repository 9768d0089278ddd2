#!/bin/sh
# For EDGE_HOSTING=vmss: builds the image in the registry, and lets the machines take it one batch after the other.
set -eu
fail() { echo "$1" >&2; exit 1; }

command -v az >/dev/null || fail "The Azure CLI (az) is not on the PATH: install it, it builds the image and restarts the machines."
[ "${EDGE_HOSTING:-}" = vmss ] || fail "The edge does not run on machines here (EDGE_HOSTING is '${EDGE_HOSTING:-}'): use 'azd deploy edge'."
[ -n "${AZURE_CONTAINER_REGISTRY_NAME:-}" ] || fail "AZURE_CONTAINER_REGISTRY_NAME is not known: run 'azd provision' first."
cd "$(dirname "$0")/../.."
az acr build --registry "$AZURE_CONTAINER_REGISTRY_NAME" --image edge:latest --platform linux/amd64 --file src/MailFunctions.Edge/Dockerfile .
az vmss list-instances --resource-group "$AZURE_RESOURCE_GROUP" --name "$SERVICE_EDGE_NAME" --query '[].instanceId' --output tsv |
  while read -r id; do
    az vmss run-command invoke --resource-group "$AZURE_RESOURCE_GROUP" --name "$SERVICE_EDGE_NAME" --instance-id "$id" \
      --command-id RunShellScript --scripts 'systemctl restart mail-edge' --output none </dev/null
  done
