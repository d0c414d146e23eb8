#!/usr/bin/env bash
# Writes the reference of the API into a folder (dist/api unless another is given), by TypeDoc. TypeDoc needs a TypeScript
# with a JavaScript API, which the one of this project no longer has, so both are installed apart, in a cache.
#
#   scripts/api-reference.sh [folder]
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
tools="$root/node_modules/.cache/typedoc"
mkdir -p "$tools"
if [[ ! -x "$tools/node_modules/.bin/typedoc" ]]; then
  npm install --prefix "$tools" --no-audit --no-fund --silent typedoc@0.28 typescript@5.9
fi
cd "$root"
"$tools/node_modules/.bin/typedoc" --options typedoc.json --out "${1:-dist/api}"
