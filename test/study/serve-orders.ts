/** Serves a list of trials as a worker does, without one. */
import type { FromWorker, TrialOrder } from '../../src/study/messages.ts';
import { type SlotEngine, type SlotTrial, serveSlots } from '../../src/study/slots.ts';
import type { TrialOutcome } from '../../src/study/trial.ts';

/** @returns outcomes by the number of the trial, but for their time */
export async function serveOrders<Trial extends SlotTrial>(
  engine: SlotEngine<Trial>,
  orders: readonly TrialOrder[],
  slots: number,
): Promise<TrialOutcome[]> {
  const waiting = [...orders];
  const outcomes: TrialOutcome[] = [];
  const source = {
    abandoned: false,
    poll: () => waiting.shift(),
    soon: async () => {},
    next: async () => waiting.shift(),
  };
  await serveSlots({ slots, deviceName: 'any' }, engine, source, (message: FromWorker) => {
    if (message.kind !== 'outcomes') return;
    for (const { number, outcome } of message.ended) outcomes[number] = { ...outcome, seconds: 0 };
  });
  return outcomes;
}
