/** The kernels of Lyapunov spectra: tangent vectors through steps and events, and their orthonormalization. */
import type { BenchCase, BenchSuite } from '../suite.ts';
import { type TangentSizes, TangentWorkload } from '../tangent-work.ts';

export const lyapunov: BenchSuite = {
  name: 'lyapunov',
  about: 'tangent vectors: steps, events, orthonormalization; their share of the roof',
  timesKernels: true,
  cases: (device) => {
    const slow = device.info.software;
    const part = slow ? 2 : 1;
    const repeated = { interval: 10, orthonormalizations: slow ? 2 : 10 };
    return [
      tangents('tangents:all', {
        networks: 1,
        neurons: 800 / part,
        degree: 50,
        vectors: 800 / part,
        ...repeated,
      }),
      tangents('tangents:leading', { networks: 1, neurons: 10_000, degree: 50, vectors: 16, ...repeated }),
      tangents('tangents:batch', { networks: 32 / part, neurons: 200, degree: 20, vectors: 16, ...repeated }),
      tangents(
        'tangents:events',
        { networks: 2, neurons: 1000, degree: 20, vectors: 64, ...repeated, interval: 20_000 / part },
        true,
      ),
    ];
  },
};

function tangents(name: string, sizes: TangentSizes, events = false): BenchCase {
  const { networks, neurons, vectors, interval, orthonormalizations } = sizes;
  const what = networks === 1 ? 'a network' : `${networks} networks`;
  return {
    name,
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
