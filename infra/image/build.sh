#!/usr/bin/env bash
# Builds the image of the edge without a container engine and without a registry: by buildah, on a base of seven Debian
# packages. What is deployed is built by src/MailFunctions.Edge/Dockerfile; this one shows that such an image is small,
# has no shell and starts. Usage: infra/image/build.sh PUBLISHED ARCHIVE, where PUBLISHED is the folder of
#   dotnet publish src/MailFunctions.Edge -c Release -r linux-x64 --self-contained -o PUBLISHED
set -euo pipefail
published=$(realpath "${1:?the folder of the published edge is missing}")
archive=$(realpath -m "${2:?the name of the archive is missing}")
work=$(mktemp -d)
storage=(--root "$work/storage" --runroot "$work/run" --storage-driver vfs)
trap 'rm -rf "$work"' EXIT

# ICU has another version in each release of Debian and Ubuntu, and libssl3 another name in some.
newest() { # The last package of that name that apt can download.
  local name found=
  while read -r name; do
    if [[ $(LC_ALL=C apt-cache policy "$name") == *"Candidate: "[0-9]* ]]; then found=$name; fi
  done < <(apt-cache pkgnames "$1" | grep -xE "$2" | sort -V)
  echo "${found:?apt offers no package $2; is apt-get update needed?}"
}
ssl=$(newest libssl3 'libssl3(t64)?')
icu=$(newest libicu 'libicu[0-9]+')
packages=(libc6 "$ssl" "$icu" libstdc++6 libgcc-s1 zlib1g ca-certificates)
mkdir -p "$work/packages" "$work/root"
chmod 755 "$work/root"
(cd "$work/packages" && apt-get download -q "${packages[@]}" >&2)
for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/root"; done
# Where packages hold /usr/lib alone, the links to it are of a package that is not taken.
for folder in lib lib64; do
  if [ ! -e "$work/root/$folder" ]; then ln -s "usr/$folder" "$work/root/$folder"; fi
done

# No package is configured, so the bundle of authorities is put together here.
cat "$work"/root/usr/share/ca-certificates/mozilla/*.crt > "$work/ca-certificates.crt"
mkdir -p "$work/root/etc/ssl/certs" "$work/root/home/app" "$work/root/tmp"
mv "$work/ca-certificates.crt" "$work/root/etc/ssl/certs/"
rm -rf "$work"/root/usr/share "$work"/root/usr/sbin "$work"/root/usr/bin "$work"/root/sbin "$work"/root/bin \
  "$work"/root/usr/lib/x86_64-linux-gnu/gconv "$work"/root/etc/ca-certificates
printf 'app:x:1654:1654::/home/app:/nonexistent\n' > "$work/root/etc/passwd"
printf 'app:x:1654:\n' > "$work/root/etc/group"
cp -r "$published" "$work/root/app"
chmod -R a+rX "$work/root/app"

container=$(buildah "${storage[@]}" from scratch)
buildah "${storage[@]}" copy -q "$container" "$work/root" / >&2
buildah "${storage[@]}" config --user 1654:1654 --workingdir /app --entrypoint '["/app/MailFunctions.Edge"]' \
  --env DOTNET_EnableDiagnostics=0 --env HOME=/home/app --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
  --env Edge__Address=0.0.0.0 --env Edge__Ports__Smtp=2525 --env Edge__Ports__Submission=2587 --env Edge__Ports__Smtps=2465 \
  --env Edge__Ports__Pop3=2110 --env Edge__Ports__Pop3s=2995 --env Edge__Ports__Health=8080 "$container"
buildah "${storage[@]}" commit -q --disable-compression=false "$container" "oci-archive:$archive" >&2
wc -c < "$archive"
