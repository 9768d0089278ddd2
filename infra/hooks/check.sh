#!/bin/sh
# Stops with a sentence when something is missing that provisioning needs.
set -eu
fail() { echo "$1" >&2; exit 1; }

[ -n "${MAIL_HOST_NAME:-}" ] || fail "MAIL_HOST_NAME is not set: run 'azd env set MAIL_HOST_NAME mail.example.com' with the name that your MX records point to."
command -v dotnet >/dev/null || fail "The .NET 10 SDK is not on the PATH: install it, it builds the function app."
if [ "${EDGE_HOSTING:-containerApps}" = vmss ] && [ -z "${EDGE_SSH_PUBLIC_KEY:-}" ]; then
  fail "EDGE_SSH_PUBLIC_KEY is not set: run 'azd env set EDGE_SSH_PUBLIC_KEY \"\$(cat ~/.ssh/id_ed25519.pub)\"', the machines of the edge need an administrator."
fi
