/** Whole networks, wall time with results read back: batches of Diehl & Cook, and published recurrent networks. */

import type { PropagationMethod } from '../../kernels/recurrent-method.ts';
import { brunel } from '../../network/models/brunel.ts';
import { coba, cuba } from '../../network/models/vogels-abbott.ts';
import type { Network } from '../../network/network.ts';
import { diehlCookCase } from '../diehl-cook-work.ts';
import { RecurrentWorkload } from '../recurrent-work.ts';
import type { BenchCase, BenchSuite } from '../suite.ts';

export const networks: BenchSuite = {
  name: 'networks',
  about: 'Diehl & Cook batches, CUBA, COBA and Brunel networks, from the host and back',
  timesKernels: false,
  cases: (device) => {
    const slow = device.info.software;
    return [
      diehlCookBatch([100], 16, slow ? 4 : 128),
      diehlCookBatch([400], 16, slow ? 4 : 128),
      diehlCookBatch([50, 100, 200, 400, 600, 800, 1000, 1500], 16, slow ? 4 : 64),
      recurrent('cuba', (seed) => cuba({ seed }), 'modes', slow ? 2 : 8, slow ? 100 : 500),
      recurrent('coba', (seed) => coba({ seed }), 'network', slow ? 2 : 8, slow ? 20 : 500),
      ...(slow ? [] : [recurrent('brunel', (seed) => brunel({ seed, g: 5, eta: 2 }), 'network', 1, 100)]),
    ];
  },
};

function diehlCookBatch(sizes: readonly number[], slots: number, samples: number): BenchCase {
  const all = Array.from({ length: slots }, (_, slot) => sizes[(slot >> 1) % sizes.length] as number);
  const named = sizes.length === 1 ? `${sizes[0]}` : `${Math.min(...sizes)}..${Math.max(...sizes)}`;
  return diehlCookCase(`diehl-cook:${named}`, all, samples);
}

function recurrent(
  name: string,
  make: (seed: number) => Network,
  method: PropagationMethod,
  count: number,
  durationMs: number,
): BenchCase {
  return {
    name,
    work: `${count === 1 ? 'a network' : `${count} networks`}, ${durationMs} ms simulated, all spikes read back`,
    unit: 'network x second',
    prepare: async (device) => {
      const compiled = Array.from({ length: count }, (_, seed) => make(seed).compile());
      const steps = Math.round(durationMs / (compiled[0]?.dtMs ?? 1));
      const workload = await RecurrentWorkload.create(device, compiled, method, steps);
      return {
        check: () => workload.check(),
        run: () => workload.run(),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}
