#!/usr/bin/env bash
# Tries a fresh clone of the last commit as a new user would, on a machine that has no Vulkan: the system's loader and
# drivers are hidden in a mount namespace of this script's own.
#
#   scripts/fresh-clone.sh                     .ci/run
#   scripts/fresh-clone.sh npx tacet devices   npm ci, then that command
#
# Linux only. The native engine is built if there is a cargo; TACET_SKIP_NATIVE=1 leaves it out.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"

if [[ "${TACET_VULKAN_HIDDEN:-}" != 1 ]]; then
  exec env TACET_VULKAN_HIDDEN=1 unshare --map-root-user --mount "$0" "$@"
fi

nothing="$(mktemp -d)"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
: >"$nothing/file"
mkdir "$nothing/folder"
while read -r library; do
  mount --bind "$nothing/file" "$library"
done < <(ldconfig -p | sed -n 's/^\tlibvulkan\.so.* => //p' | xargs -r -n 1 readlink -f | sort -u)
for drivers in /usr/share/vulkan /etc/vulkan; do
  if [[ -d "$drivers" ]]; then mount --bind "$nothing/folder" "$drivers"; fi
done
# An empty home: no cache of drivers, no settings.
export XDG_CACHE_HOME="$folder/cache" XDG_DATA_HOME="$folder/data" XDG_CONFIG_HOME="$folder/config"

git clone --quiet "$root" "$folder/tacet"
cd "$folder/tacet"
if [[ $# -eq 0 ]]; then
  .ci/run
else
  npm ci
  "$@"
fi
