/**
 * A worker whose trials cost nothing: it answers every batch of trials at once, by the messages of `src/study/worker.ts`,
 * with outcomes as large as those of real trials.
 */
import type { DeviceInfo } from '../../src/device/device.ts';
import type { FromWorker, ToWorker, TrialOrder } from '../../src/study/messages.ts';
import type { WorkerTask } from '../../src/study/session.ts';
import type { TrialOutcome } from '../../src/study/trial.ts';

const NAME = 'a device that costs nothing';
const SAMPLES = 12_000;
const REPORTS_PER_PHASE = 20;

const DEVICE: DeviceInfo = {
  kind: 'native',
  name: NAME,
  vendor: '',
  driver: '',
  backend: '',
  software: true,
  limits: {
    maxBufferBytes: 0,
    maxBindingBytes: 0,
    maxWorkgroupBytes: 0,
    maxWorkgroupSize: 0,
    maxWorkgroupsPerDimension: 0,
  },
  features: [],
};

export default function start({ setup, port }: WorkerTask): void {
  const tell = (message: FromWorker): void => port.postMessage(message);
  const slots = setup.slots ?? 16;
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'data') {
      tell({ kind: 'ready', slots, slotsAre: 'given', setupSeconds: 0 });
      tell({ kind: 'want', count: slots });
    } else if (message.kind === 'trials') {
      const { trials } = message;
      tell({ kind: 'want', count: trials.length });
      tell({ kind: 'chunk', samples: trials.length, seconds: 0, active: trials.length, running: [] });
      tell({
        kind: 'outcomes',
        ended: trials.map((trial) => ({ number: trial.number, outcome: outcomeOf(trial) })),
      });
    } else port.close();
  });
  tell({ kind: 'opened', device: DEVICE });
}

/** One trial of four is silent. The numbers have as many digits as real ones. */
function outcomeOf({ number, values }: TrialOrder): TrialOutcome {
  const x = Object.values(values).map((value) => (typeof value === 'number' ? value : value.length));
  const accuracy =
    0.5 + 0.5 * Math.sin(x.reduce((sum, v, i) => sum + Math.log1p(Math.abs(v)) * (1 + (i % 3)), 0));
  const silent = number % 4 === 1;
  const phases = silent ? (['train'] as const) : (['train', 'hold-out'] as const);
  const graded = [silent ? 0.4 + accuracy / 3 : -accuracy / 10, -accuracy / 11];
  return {
    state: silent ? 'silent' : 'complete',
    ...(silent ? { reason: 'excitatory layer silent' } : { objective: accuracy }),
    constraints: graded,
    plainConstraints: graded.map((constraint) => constraint / 7),
    accuracies: silent
      ? {}
      : { all: accuracy, vote: accuracy / 1.01, '2gram': accuracy / 1.03, '3gram': accuracy / 1.07 },
    phases: phases.map((phase) => ({
      phase,
      samples: SAMPLES,
      layers: ['excitatory', 'inhibitory'].map((layer) => ({
        layer,
        spikes: 300_000 + number,
        silentSamples: 120,
      })),
      inputSpikes: 15_000_000 + number,
      seconds: 4 + accuracy / 7,
    })),
    history: phases.flatMap((phase) =>
      Array.from({ length: REPORTS_PER_PHASE }, (_, report) => ({
        phase,
        samples: (SAMPLES / REPORTS_PER_PHASE) * (report + 1),
        silentShares: [(report * accuracy) / 1000, report / SAMPLES],
        ...(phase === 'train' ? {} : { accuracy: accuracy * (1 - 1 / (report + 2)) }),
      })),
    ),
    seconds: 1e-3,
    device: NAME,
  };
}
