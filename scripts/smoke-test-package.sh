#!/usr/bin/env bash
# Packs the package, installs it in an empty folder, and runs its command there: the help, the devices, a small search.
# Leaves the native engine out, so that what is tested is the package on a machine without Rust.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
PATH="$root/node_modules/.bin:$PATH"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

cd "$root"
tarball="$(npm pack --silent --pack-destination "$folder" | tail -n 1)"
cd "$folder"
npm init --yes >/dev/null
TACET_SKIP_NATIVE=1 npm install --silent --no-audit --no-fund "./$tarball"

tacet() { "$folder/node_modules/.bin/tacet" "$@"; }
tacet --version
tacet devices
tacet search mnist-stdp --db smoke.db --trials 2 --slots 2 --json \
  --set settings.trainSamples=24 --set settings.holdOutSamples=8 --set settings.steps=50 \
  --set space.map_size.high=40 --set space.epochs=1 >search.jsonl
tacet studies --db smoke.db
tacet report mnist-stdp --db smoke.db -o smoke.html
grep -q '<script type="module">' smoke.html
tacet export mnist-stdp --db smoke.db -o smoke.parquet

# The library, as a program imports it, with its types.
cat >library.mts <<'PROGRAM'
import { listDevices, openDevice } from 'tacet';

const listings = await listDevices();
const device = await openDevice('webgpu', { checked: true });
const buffer = device.createBuffer(4, 'word');
device.write(buffer, 0, new Uint8Array([1, 2, 3, 4]));
const bytes = new Uint8Array(await device.read(buffer));
await device[Symbol.asyncDispose]();
if (bytes.join() !== '1,2,3,4') throw new Error(`read ${bytes.join()}`);
console.log(`the library sees ${listings.length} devices`);
PROGRAM
node library.mts
echo "the package works"
