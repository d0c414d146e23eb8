/** Profiles a case of a benchmark suite, with and without recording in turn. */
import { BenchError } from '../bench/errors.ts';
import { measureLatencies, measureRoofs, type Roofs } from '../bench/roofs.ts';
import { spreadOf } from '../bench/statistics.ts';
import type { BenchCase, BenchSuite } from '../bench/suite.ts';
import { SUITES } from '../bench/suites/index.ts';
import { type Device, openDevice } from '../device/index.ts';
import { ProfiledDevice } from './profiled-device.ts';
import type { Recording } from './recording.ts';

export interface ProfiledCase {
  readonly recording: Recording;
  readonly roofs: Roofs;
  /** Wall time of a repetition, ms: medians with and without recording. */
  readonly profiledMs: number;
  readonly plainMs: number;
}

/**
 * The case that `suite/part of its name` means.
 *
 * @throws {BenchError} `bad-input` listing cases
 */
export function findCase(
  name: string,
  device: Device,
): { readonly suite: BenchSuite; readonly bench: BenchCase } {
  const [suiteName = '', ...rest] = name.split('/');
  const part = rest.join('/');
  const all = SUITES.flatMap((suite) => suite.cases(device).map((bench) => ({ suite, bench })));
  const found = all.filter(({ suite, bench }) => suite.name === suiteName && bench.name.includes(part));
  const exact = found.find(({ bench }) => bench.name === part);
  const [first] = found;
  if (exact) return exact;
  if (found.length === 1 && first) return first;
  const known = (found.length > 0 ? found : all)
    .map(({ suite, bench }) => `"${suite.name}/${bench.name}"`)
    .join(', ');
  const what = found.length > 0 ? 'means several cases' : 'is no case';
  throw new BenchError('bad-input', `"${name}" ${what}: give one of ${known}`);
}

/** @param repetitions of each kind, after one of each that does not count */
export async function profileCase(spec: string, name: string, repetitions: number): Promise<ProfiledCase> {
  await using timed = await openDevice(spec, { timing: 'sparing' });
  const roofs = await measureRoofs(timed, { repetitions: 3 });
  await using plain = await openDevice(spec);
  const { bench } = findCase(name, plain);
  const profiled = new ProfiledDevice(timed, await measureLatencies(timed));
  using here = await bench.prepare(profiled);
  using there = await bench.prepare(plain);
  await here.check();
  await there.check();
  const profiledMs: number[] = [];
  const plainMs: number[] = [];
  for (let repetition = 0; repetition < repetitions + 1; repetition++) {
    const plainStart = performance.now();
    await there.run(repetition);
    const plainEnd = performance.now();
    if (repetition === 1) profiled.restart();
    const start = performance.now();
    const { costs = {} } = await here.run(repetition);
    const end = performance.now();
    if (repetition === 0) continue;
    profiled.addCosts(costs);
    plainMs.push(plainEnd - plainStart);
    profiledMs.push(end - start);
    profiled.pause();
  }
  const recording = await profiled.finish();
  return { recording, roofs, profiledMs: spreadOf(profiledMs).median, plainMs: spreadOf(plainMs).median };
}
