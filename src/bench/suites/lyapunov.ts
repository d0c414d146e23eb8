/** The kernels of Lyapunov spectra: tangent vectors through steps and events, and their orthonormalization. */
import type { DeviceInfo } from '../../device/device.ts';
import type { BenchCase, BenchSuite } from '../suite.ts';
import { type TangentSizes, TangentWorkload } from '../tangent-work.ts';

export const lyapunov: BenchSuite = {
  name: 'lyapunov',
  about: 'tangent vectors: steps, events, orthonormalization; their share of the roof',
  timesKernels: true,
  cases: ({ info }) => [
    allTangents('tangents:all', info, 800),
    leadingTangents('tangents:leading', info, 10_000),
    tangentBatch('tangents:batch', info, 32),
    tangentEvents('tangents:events', info, 1000),
  ],
};

/** Less on adapters that would take seconds. */
function less(info: DeviceInfo) {
  return { part: info.software ? 2 : 1, interval: 10, orthonormalizations: info.software ? 2 : 10 };
}

/** As many vectors as neurons. */
export function allTangents(name: string, info: DeviceInfo, most: number): BenchCase {
  const { part, ...repeated } = less(info);
  const neurons = most / part;
  return tangents(name, 'all', { networks: 1, neurons, degree: 50, vectors: neurons, ...repeated });
}

export function leadingTangents(name: string, info: DeviceInfo, neurons: number): BenchCase {
  const { part: _part, ...repeated } = less(info);
  return tangents(name, 'leading', { networks: 1, neurons, degree: 50, vectors: 16, ...repeated });
}

export function tangentBatch(name: string, info: DeviceInfo, most: number): BenchCase {
  const { part, ...repeated } = less(info);
  return tangents(name, 'batch', {
    networks: most / part,
    neurons: 200,
    degree: 20,
    vectors: 16,
    ...repeated,
  });
}

export function tangentEvents(name: string, info: DeviceInfo, neurons: number): BenchCase {
  const { part, ...repeated } = less(info);
  const interval = (20 * neurons) / part;
  const sizes = { networks: 2, neurons, degree: 20, vectors: 64, ...repeated, interval };
  return tangents(name, 'events', sizes, true);
}

function tangents(name: string, kind: string, sizes: TangentSizes, events = false): BenchCase {
  const { networks, neurons, vectors, interval, orthonormalizations } = sizes;
  const what = networks === 1 ? 'a network' : `${networks} networks`;
  return {
    name,
    kind: `tangents:${kind}`,
    work: `${what} of ${neurons} neurons, ${vectors} vectors, ${orthonormalizations} times ${interval} ${events ? 'events' : 'steps'} and an orthonormalization`,
    unit: events ? 'event' : 'network x step',
    prepare: async (device) => {
      const workload = await TangentWorkload.create(device, sizes, events ? 1 : interval);
      return {
        check: () => workload.check(),
        run: (repetition) => (events ? workload.runEvents(repetition) : workload.run(repetition)),
        [Symbol.dispose]: () => workload[Symbol.dispose](),
      };
    },
  };
}
