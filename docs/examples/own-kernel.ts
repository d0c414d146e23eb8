/** A kernel of one's own, in a file of its own, held against the same in plain TypeScript. WebGPU alone runs it. */
import { fileURLToPath } from 'node:url';
import { encodeStruct, openDevice } from 'tacet';

const NEURONS = 1000;
const STEPS = 50;
const WORDS = Math.ceil(NEURONS / 32);
const raster = Uint32Array.from({ length: STEPS * WORDS }, (_, k) => Math.imul(k + 1, 0x9e3779b1) >>> 0);

await using device = await openDevice(process.env.TACET_WEBGPU ?? 'webgpu');
const file = process.argv[3] ?? fileURLToPath(new URL('own-kernel.wgsl', import.meta.url));
const kernel = await device.kernel(file, { lanes: 64 });
if (kernel.contract.params === undefined) throw new Error('the kernel takes no params');

using spikes = device.createBuffer(raster.byteLength, 'raster');
using counts = device.createBuffer(4 * NEURONS, 'counts');
device.write(spikes, 0, raster);
device.run([
  {
    kernel,
    params: encodeStruct(kernel.contract.params, { neurons: NEURONS, steps: STEPS, words: WORDS }),
    buffers: { raster: spikes, counts },
    workgroups: [Math.ceil(NEURONS / 64), 1, 1],
  },
]);
const found = new Uint32Array(await device.read(counts));

const wrong = found.findIndex((count, neuron) => {
  let expected = 0;
  for (let step = 0; step < STEPS; step++) {
    expected += ((raster[step * WORDS + (neuron >> 5)] as number) >>> (neuron & 31)) & 1;
  }
  return count !== expected;
});
console.log(JSON.stringify({ device: device.info.name, neurons: found.length, wrong }));
