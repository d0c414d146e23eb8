/** Spikes of data sets: parts put together, steps joined. */
import { describe, expect, it } from 'vitest';
import { SampleWriter } from '../../src/data/event-lists.ts';
import {
  concatenated,
  joinSteps,
  type SpikeSamples,
  sharedSpikes,
  storedSpikes,
} from '../../src/data/samples.ts';

function made(samples: readonly (readonly (readonly number[])[])[]): SpikeSamples {
  const writer = new SampleWriter(5, [1, 1, 4]);
  samples.forEach((spikes, index) => {
    writer.add(spikes, index % 3);
  });
  return writer.done(3);
}

const FIRST = [[0], [0, 3], [], [2], [1]];
const SECOND = [[], [1], [1], [1, 2], [2]];
const THIRD = [[3], [], [], [], [3]];

/** The inputs of each step of one sample. */
function stepsOf(source: ReturnType<typeof storedSpikes>, sample: number): number[][] {
  const batch = source.batch(Uint32Array.of(sample), 0);
  if (batch.kind !== 'events') throw new Error('there are no events');
  return Array.from({ length: source.steps }, (_, t) =>
    [...batch.events.subarray(batch.offsets[t], batch.offsets[t + 1])].sort((a, b) => a - b),
  );
}

describe('joined steps', () => {
  it('have each input once, however often it spiked', () => {
    const joined = joinSteps(made([FIRST, SECOND]), 2);
    expect(joined.steps).toBe(3);
    expect(stepsOf(joined, 0)).toEqual([[0, 3], [2], [1]]);
    expect(stepsOf(joined, 1)).toEqual([[1], [1, 2], [2]]);
  });

  it('are those of every sample of a batch, and of a factor of 1 the steps themselves', () => {
    const data = made([FIRST, SECOND, THIRD]);
    const joined = joinSteps(data, 3);
    const batch = joined.batch(Uint32Array.of(2, 0), 0);
    expect(batch).toMatchObject({ offsets: Uint32Array.of(0, 1, 2, 2, 4, 6) });
    expect(stepsOf(joinSteps(data, 1), 0)).toEqual(FIRST);
  });
});

describe('parts of a data set', () => {
  it('are the whole when they are put together, in shared memory too', () => {
    const whole = made([FIRST, SECOND, THIRD]);
    const parts = [made([FIRST]), { ...made([THIRD, SECOND]), labels: Uint16Array.of(2, 1) }];
    const joined = sharedSpikes(concatenated(parts));
    expect(joined.events.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...joined.labels]).toEqual([0, 2, 1]);
    expect([0, 2, 1].map((sample) => stepsOf(storedSpikes(joined), sample))).toEqual([FIRST, SECOND, THIRD]);
    expect(joined.events.length).toBe(whole.events.length);
  });
});
