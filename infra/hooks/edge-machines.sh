#!/bin/sh
# For EDGE_HOSTING=vmss: builds the image in the registry, then makes the machines anew one after the other, so that they
# take the image, the settings of the last `azd provision` and the newest Ubuntu. Each has to be healthy before the next.
set -eu
fail() { echo "$1" >&2; exit 1; }

command -v az >/dev/null || fail "The Azure CLI (az) is not on the PATH: install it, it builds the image and reimages the machines."
[ "${EDGE_HOSTING:-}" = vmss ] || fail "The edge does not run on machines here (EDGE_HOSTING is '${EDGE_HOSTING:-}'): use 'azd deploy edge'."
[ -n "${AZURE_CONTAINER_REGISTRY_NAME:-}" ] || fail "AZURE_CONTAINER_REGISTRY_NAME is not known: run 'azd provision' first."
cd "$(dirname "$0")/../.."
machines() { command=$1; shift; az vmss "$command" --resource-group "$AZURE_RESOURCE_GROUP" --name "$SERVICE_EDGE_NAME" "$@" </dev/null; }

healthy() {
  [ "$(machines get-instance-view --instance-id "$1" --query vmHealth.status.code --output tsv)" = HealthState/healthy ]
}

az acr build --registry "$AZURE_CONTAINER_REGISTRY_NAME" --image edge:latest --platform linux/amd64 --file src/MailFunctions.Edge/Dockerfile .
ids=$(machines list-instances --query '[].instanceId' --output tsv)
for id in $ids; do
  # Sessions end before the machine does. One that can't be asked is made anew all the same.
  machines run-command invoke --instance-id "$id" --command-id RunShellScript --scripts 'systemctl stop mail-edge' --output none ||
    echo "Machine $id did not stop its edge; going on." >&2
  machines update-instances --instance-ids "$id" --output none
  machines reimage --instance-ids "$id" --output none
  sleep 60 # what the health was before the reimage is forgotten by then
  tries=0
  until healthy "$id"; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "Machine $id is not healthy ten minutes after it was made anew; the others were left as they are."
    sleep 10
  done
done
