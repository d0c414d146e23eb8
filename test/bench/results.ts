/** Reports of benchmarks as tests need them. */
import type { BenchReport } from '../../src/bench/report.ts';
import type { Roofs } from '../../src/bench/roofs.ts';
import { spreadOf } from '../../src/bench/statistics.ts';

export const ROOFS: Roofs = {
  copyBytesPerSecond: 10e9,
  reads: [
    { withinBytes: 16_384, bytesPerSecond: 100e9 },
    { withinBytes: 262_144, bytesPerSecond: 50e9 },
  ],
  gathers: [
    { withinBytes: 65_536, perSecond: 1e9 },
    { withinBytes: 2 ** 28, perSecond: 5e7 },
  ],
  flopsPerSecond: 200e9,
  launchMs: 0.01,
  dispatchMs: 0.05,
  roundTripMs: 0.2,
  spread: 0.01,
};

/** A report with cases of one suite, by their times. */
export function reportOf(cases: Readonly<Record<string, readonly number[]>>, name = 'a device'): BenchReport {
  return {
    schema: 'tacet-bench/1',
    madeAt: '2026-01-01T00:00:00.000Z',
    versions: { tacet: '0', node: '24', webgpu: '0', commit: 'none' },
    machine: { processor: 'one', processors: 1, memoryBytes: 1, loadAtStart: 0 },
    device: { kind: 'native', name, driver: '', backend: '' },
    settings: { repetitions: 5, warmUp: 1, suites: ['networks'] },
    roofs: ROOFS,
    cases: Object.entries(cases).map(([caseName, times]) => ({
      suite: 'networks',
      name: caseName,
      work: '',
      unit: 'one',
      msPerUnit: spreadOf(times),
      kernels: [],
    })),
  };
}
