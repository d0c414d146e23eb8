import { describe, expect, it } from 'vitest';
import {
  downText,
  endedTrials,
  liveView,
  progressAfter,
  progressLine,
  type SearchProgress,
  sampleRate,
  secondsLeft,
  startProgress,
} from '../../src/cli/search-progress.ts';
import type { RunEvent } from '../../src/study/run-events.ts';
import { DEVICE_INFO, summary, trial } from './records.ts';

/** Progress after events at these times, ms. */
function replay(start: SearchProgress, events: readonly (readonly [number, RunEvent])[]): SearchProgress {
  return events.reduce((progress, [now, event]) => progressAfter(progress, event, now), start);
}

const READY: RunEvent = {
  kind: 'ready',
  worker: 0,
  device: DEVICE_INFO,
  slots: 2,
  slotsAre: 'given',
  setupSeconds: 1,
};
const begun = (...numbers: number[]): RunEvent => {
  return { kind: 'begun', worker: 0, trials: numbers.map((number) => trial(number, 'running')) };
};
const chunk = (samples: number): RunEvent => ({
  kind: 'chunk',
  worker: 0,
  samples,
  seconds: 0.1,
  active: 1,
  running: [],
});

describe('progress of a search', () => {
  const empty = startProgress(summary([], 10), ['native'], 0);

  it('knows no rate and no end before anything ran', () => {
    expect(sampleRate(empty)).toBeUndefined();
    expect(secondsLeft(empty)).toBeUndefined();
    expect(progressLine(empty)).toBe(
      '0/10 trials: 0 complete, 0 silent (–), 0 failed, 0 running; no samples yet; time left not known yet',
    );
    expect(liveView(empty, 100)).toContain('native: starting');
  });

  it('counts trials by their states', () => {
    const progress = replay(empty, [
      [1000, READY],
      [1000, begun(0, 1)],
      [2000, { kind: 'outcome', worker: 0, trial: trial(0, { state: 'silent' }) }],
      [2000, begun(2)],
      [3000, { kind: 'outcome', worker: 0, trial: trial(2, { state: 'failed' }) }],
      [3000, begun(3)],
      [4000, { kind: 'outcome', worker: 0, trial: trial(3) }],
    ]);
    expect(progress).toMatchObject({ complete: 1, silent: 1, failed: 1 });
    expect([...progress.running]).toEqual([1]);
    expect(endedTrials(progress)).toBe(3);
  });

  it('measures the rate and the time left from when the device was ready', () => {
    const progress = replay(empty, [
      [60_000, READY],
      [60_000, begun(0, 1)],
      [61_000, chunk(300)],
      [62_000, chunk(500)],
      [64_000, { kind: 'outcome', worker: 0, trial: trial(0) }],
      [64_000, { kind: 'outcome', worker: 0, trial: trial(1) }],
    ]);
    // 800 samples in 4 s; 2 trials in 4 s, 8 to go.
    expect(sampleRate(progress)).toBe(200);
    expect(secondsLeft(progress)).toBe(16);
  });

  it('counts what earlier runs did, but does not take it for speed', () => {
    const earlier = summary([trial(0), trial(1, { state: 'silent' }), trial(2, 'running')], 10);
    const progress = replay(startProgress(earlier, ['native'], 0), [
      [0, READY],
      [0, begun(2, 3)],
      [2000, { kind: 'outcome', worker: 0, trial: trial(2) }],
    ]);
    expect(progress).toMatchObject({ complete: 2, silent: 1 });
    expect(secondsLeft(progress)).toBe(14);
  });

  it('follows the best feasible trial', () => {
    const events: [number, RunEvent][] = [
      [0, { kind: 'outcome', worker: 0, trial: trial(0, { objective: 0.9, constraints: [0.1, -0.1] }) }],
      [0, { kind: 'outcome', worker: 0, trial: trial(1, { objective: 0.99, state: 'silent' }) }],
    ];
    expect(replay(empty, events).best).toBeUndefined();
    events.push([0, { kind: 'outcome', worker: 0, trial: trial(2, { objective: 0.4 }) }]);
    events.push([0, { kind: 'outcome', worker: 0, trial: trial(3, { objective: 0.6 }) }]);
    events.push([0, { kind: 'outcome', worker: 0, trial: trial(4, { objective: 0.5 }) }]);
    const progress = replay(empty, events);
    expect(progress.best?.number).toBe(3);
    expect(progressLine(progress)).toContain('best 0.6000 (trial 3, neurons 103, decoder all)');
  });

  it('follows each device, and takes trials back from a worker that went down', () => {
    const two = startProgress(summary([], 10), ['native', 'webgpu:swift'], 0);
    const down = {
      kind: 'down',
      worker: 1,
      device: 'webgpu:swift',
      reason: 'lost',
      replaced: true,
      again: [2, 3],
    } as const;
    const events: [number, RunEvent][] = [
      [1000, READY],
      [1000, begun(0, 1)],
      [1000, { ...begun(2, 3), worker: 1 } as RunEvent],
      [2000, { ...chunk(100), seconds: 1 } as RunEvent],
      [2000, down],
    ];
    const progress = replay(two, events);
    expect([...progress.running]).toEqual([0, 1]);
    // One of two slots in a launch, for one second of one.
    expect(liveView(progress, 100).split('\n').slice(4)).toEqual([
      'a processor: 2 slots, 50 % occupied, 100 per second',
      'webgpu:swift: starting, 1 restart',
    ]);
    expect(downText(down)).toBe(
      'The worker on webgpu:swift went down: lost; another worker takes its place; 2 trials put back, to be run again.',
    );
    const gone = replay(progress, [[3000, { ...down, replaced: false, again: [] }]]);
    expect(liveView(gone, 100)).toContain('webgpu:swift: given up, 2 restarts');
  });

  it('keeps the live view within the terminal', () => {
    const progress = replay(empty, [
      [0, READY],
      [0, begun(0, 1)],
      [1000, chunk(123_456)],
      [1000, { kind: 'outcome', worker: 0, trial: trial(0) }],
    ]);
    const lines = liveView(progress, 100).split('\n');
    expect(lines[0]).toBe('first  ███░░░░░░░░░░░░░░░░░░░░░░░░░░░  1/10 trials');
    expect(lines[1]).toBe('1 complete · 0 silent (0 %) · 0 failed · 1 running');
    expect(lines[3]).toBe('123,456 samples x networks per second · about 9.0 s left');
    expect(lines[4]).toBe('a processor: 2 slots, 5 % occupied, 123,456 per second');
    for (const columns of [10, 40, 80]) {
      for (const line of liveView(progress, columns).split('\n'))
        expect(line.length).toBeLessThanOrEqual(columns);
    }
  });
});
