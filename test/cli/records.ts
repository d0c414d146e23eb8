/** Trials, studies and a device for the tests of what is printed. */
import type { DeviceInfo } from '../../src/device/device.ts';
import type { StudySummary, TrialRecord } from '../../src/study/store.ts';
import type { TrialOutcome } from '../../src/study/trial.ts';

export function outcome(changes: Partial<TrialOutcome> = {}): TrialOutcome {
  return {
    state: 'complete',
    objective: 0.5,
    constraints: [-0.05, -0.1],
    plainConstraints: [-0.05, -0.1],
    accuracies: { all: 0.5, vote: 0.25 },
    phases: [
      {
        phase: 'train',
        samples: 200,
        layers: [
          { layer: 'excitatory', spikes: 1000, silentSamples: 10 },
          { layer: 'inhibitory', spikes: 500, silentSamples: 0 },
        ],
        inputSpikes: 20_000,
        seconds: 2,
      },
    ],
    history: [],
    seconds: 3,
    device: 'a device',
    ...changes,
  };
}

export function trial(number: number, changes: Partial<TrialOutcome> | 'running' = {}): TrialRecord {
  const values = { rate: 0.000_123_456, neurons: 100 + number, decoder: 'all' };
  const record = { number, values, seed: number, proposal: null, startedAt: 1e12 };
  if (changes === 'running') return { ...record, state: 'running' };
  const ended = outcome(changes);
  return { ...record, state: ended.state, finishedAt: 1e12 + 1, finishOrder: number, outcome: ended };
}

export function summary(trials: readonly TrialRecord[], budget: number): StudySummary {
  const count = (state: TrialRecord['state']) => trials.filter((one) => one.state === state).length;
  return {
    spec: {
      name: 'first',
      recipe: 'mnist-stdp',
      space: {},
      settings: { beta: 0.1 },
      optimizer: { name: 'sobol' },
      seed: 1,
      trials: budget,
    },
    createdAt: 1e12,
    counts: {
      waiting: 0,
      running: count('running'),
      complete: count('complete'),
      silent: count('silent'),
      failed: count('failed'),
    },
  };
}

export const DEVICE_INFO: DeviceInfo = {
  kind: 'native',
  name: 'a processor',
  vendor: '',
  driver: '',
  backend: '',
  software: true,
  limits: {
    maxBufferBytes: 1,
    maxBindingBytes: 1,
    maxWorkgroupBytes: 1,
    maxWorkgroupSize: 1,
    maxWorkgroupsPerDimension: 1,
  },
  features: [],
};
