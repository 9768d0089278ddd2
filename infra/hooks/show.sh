#!/bin/sh
# What is left to do by hand: the DNS records to publish, and where the admin API is.
set -eu
fail() { echo "$1" >&2; exit 1; }

[ -n "${SERVICE_EDGE_ADDRESS:-}" ] || fail "SERVICE_EDGE_ADDRESS is not known: run 'azd provision' first."
cat <<TEXT

Publish these records for the server:
  ${MAIL_HOST_NAME}.  A    ${SERVICE_EDGE_ADDRESS}
and for every domain of yours (GET /api/domains/{domain} lists them whole, DKIM included):
  example.com.  MX   10 ${MAIL_HOST_NAME}.
  example.com.  TXT  "v=spf1 mx ~all"

Admin API:  ${SERVICE_FUNCTIONS_URI}/api/
Its key:    az functionapp keys list --resource-group ${AZURE_RESOURCE_GROUP} --name ${SERVICE_FUNCTIONS_NAME} --query functionKeys.default
TEXT
if [ -z "${TLS_CERTIFICATE_NAME:-}" ]; then
  echo "There is no TLS certificate yet, so all logins are refused: see docs/deploy.md, Certificates."
fi
