/** One line for what happens in a study, for TACET_DEBUG=1. */
import type { RunEvent } from './run-events.ts';

export function phaseLine(event: RunEvent): string {
  const start = `worker ${event.worker + 1}: `;
  switch (event.kind) {
    case 'ready':
      return `${start}${event.device.name} is ready with ${event.slots} slots (${event.slotsAre}) after ${event.setupSeconds.toFixed(2)} s`;
    case 'begun':
      return `${start}begins trials ${event.trials.map(({ number }) => number).join(', ')}`;
    case 'chunk': {
      const rate = event.samples / Math.max(event.seconds, 1e-9);
      return `${start}chunk of ${event.active} networks, ${event.samples} samples in ${(1000 * event.seconds).toFixed(1)} ms, ${rate.toFixed(0)} per second`;
    }
    case 'outcome': {
      const { number, state, outcome } = event.trial;
      const score = outcome?.objective === undefined ? '' : `, objective ${outcome.objective.toFixed(4)}`;
      return `${start}trial ${number} is ${state}${score} after ${(outcome?.seconds ?? 0).toFixed(2)} s`;
    }
    case 'down':
      return `${start}down: ${event.reason}`;
  }
}
