#!/bin/sh
# The package of the function app as artifacts/publish/functions.zip, with the Unix modes that azd's own zip would lose.
set -eu
fail() { echo "$1" >&2; exit 1; }

command -v dotnet >/dev/null || fail "The .NET 10 SDK is not on the PATH: install it, it builds the function app."
cd "$(dirname "$0")/../.."
rm -rf artifacts/publish/functions
dotnet publish src/MailFunctions.Functions -c Release -o artifacts/publish/functions "-p:PackageZip=$PWD/artifacts/publish/functions.zip"
