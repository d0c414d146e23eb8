/** Continuous trial batching, on a runner that makes spikes up. */
import { describe, expect, it } from 'vitest';
import type { BatchItem, BatchItemResult } from '../../src/kernels/diehl-cook.ts';
import { DiehlCookSlots, type SlotRunner } from '../../src/study/diehl-cook-slots.ts';
import type { TrialData } from '../../src/study/diehl-cook-trial.ts';
import type { FromWorker, TrialOrder } from '../../src/study/messages.ts';
import { type MnistStdpSettings, mnistStdpSettings } from '../../src/study/recipes.ts';
import { serveSlots, type TrialSource } from '../../src/study/slots.ts';
import type { TrialOutcome } from '../../src/study/trial.ts';
import { LIVELY } from '../kernels/samples.ts';

const STEPS = 20;
const TRAIN = 100;
const HOLD_OUT = 40;
const MAX_CHUNK = 64;
const LABELS = Uint8Array.from({ length: TRAIN + HOLD_OUT }, (_, sample) => sample % 3);
const DATA: TrialData = { labels: LABELS, inputSpikes: new Uint32Array(LABELS.length).fill(7), classes: 3 };

function settingsWith(changes: Partial<MnistStdpSettings> = {}): MnistStdpSettings {
  const small = { trainSamples: TRAIN, holdOutSamples: HOLD_OUT, steps: STEPS, assignmentBlock: 30 };
  return mnistStdpSettings.parse({ ...small, ...changes });
}

/**
 * Networks whose neuron `label` fires 6 times in a sample of that label; those with an even number of neurons fire
 * twice only in every fifth training sample.
 */
class MadeUpSpikes implements SlotRunner {
  readonly launches: (readonly BatchItem[])[] = [];
  readonly #neurons = new Map<number, number>();

  place(slot: number, network: Readonly<Record<string, number>>): void {
    this.#neurons.set(slot, network.neurons as number);
  }

  async run(items: readonly BatchItem[]): Promise<BatchItemResult[]> {
    this.launches.push(items);
    return items.map((item) => this.#result(item));
  }

  #result(item: BatchItem): BatchItemResult {
    const words: number[] = [];
    let silent = 0;
    let spikes = 0;
    let processed = 0;
    while (processed < item.count && silent <= item.excitatorySilentBudget) {
      const sample = item.first + processed;
      const quiet = (this.#neurons.get(item.slot) ?? 0) % 2 === 0 && sample % 5 === 0 && item.learn;
      const count = quiet ? 2 : 6;
      const record = Array.from({ length: STEPS + 1 }, (_, k) => (k << 16) | (LABELS[sample] as number));
      record[0] = count | (count << 16);
      words.push(...record);
      if (quiet) silent += 1;
      spikes += count;
      processed += 1;
    }
    return {
      processed,
      excitatorySilent: silent,
      inhibitorySilent: 0,
      excitatorySpikes: spikes,
      inhibitorySpikes: spikes,
      records: Uint32Array.from(words),
    };
  }
}

/** Trials that are all there from the start. */
class ReadyTrials implements TrialSource {
  readonly abandoned = false;
  readonly #waiting: TrialOrder[];

  constructor(trials: readonly TrialOrder[]) {
    this.#waiting = [...trials];
  }

  poll(): TrialOrder | undefined {
    return this.#waiting.shift();
  }

  async soon(): Promise<void> {}

  async next(): Promise<TrialOrder | undefined> {
    return this.#waiting.shift();
  }
}

/** Trials that are handed over only when they are wanted, and arrive while somebody waits for them. */
class WantedTrials implements TrialSource {
  abandoned = false;
  readonly #trials: TrialOrder[];
  readonly #arrived: TrialOrder[] = [];
  #wanted = 0;

  constructor(trials: readonly TrialOrder[]) {
    this.#trials = [...trials];
  }

  want(count: number): void {
    this.#wanted += count;
  }

  poll(): TrialOrder | undefined {
    return this.#arrived.shift();
  }

  async soon(): Promise<void> {
    this.#arrived.push(...this.#trials.splice(0, this.#wanted));
    this.#wanted = 0;
  }

  async next(): Promise<TrialOrder | undefined> {
    await this.soon();
    return this.poll();
  }
}

function trial(number: number, changes: Readonly<Record<string, number | string>> = {}): TrialOrder {
  return { number, seed: number, values: { ...LIVELY, decoder: 'all', epochs: 1, map_size: 11, ...changes } };
}

async function serve(
  trials: readonly TrialOrder[],
  slots: number,
  settings: MnistStdpSettings,
  chunk?: number,
) {
  const runner = new MadeUpSpikes();
  const messages: FromWorker[] = [];
  const plan = { settings, data: DATA, maxChunk: MAX_CHUNK };
  const engine = new DiehlCookSlots(chunk === undefined ? plan : { ...plan, chunk }, runner);
  await serveSlots({ slots, deviceName: 'made up' }, engine, new ReadyTrials(trials), (message) =>
    messages.push(message),
  );
  const outcomes = new Map<number, TrialOutcome>();
  for (const message of messages) {
    if (message.kind !== 'outcomes') continue;
    for (const { number, outcome } of message.ended) {
      expect(outcomes.has(number)).toBe(false);
      outcomes.set(number, outcome);
    }
  }
  return { runner, messages, outcomes };
}

const TWO = { slots: 2, deviceName: 'made up' };

/** Slots that run ten samples a launch. */
function inTens(runner: SlotRunner): DiehlCookSlots {
  return new DiehlCookSlots({ settings: settingsWith(), data: DATA, maxChunk: 64, chunk: 10 }, runner);
}

/** An outcome without its times. */
function timeless(outcome: TrialOutcome | undefined) {
  if (!outcome) throw new Error('there is no outcome');
  return { ...outcome, seconds: 0, phases: outcome.phases.map((phase) => ({ ...phase, seconds: 0 })) };
}

describe('trials on slots', () => {
  it('end complete after all epochs and the hold-out', async () => {
    const { outcomes } = await serve([trial(0, { epochs: 2 })], 1, settingsWith());
    const outcome = outcomes.get(0);
    expect(outcome).toMatchObject({
      state: 'complete',
      objective: 1,
      accuracies: { all: 1, vote: 1, '2gram': 1, '3gram': 1 },
      phases: [
        { phase: 'train', samples: 200, inputSpikes: 1400, layers: [{ spikes: 1200 }, { spikes: 1200 }] },
        { phase: 'hold-out', samples: 40, inputSpikes: 280 },
      ],
    });
    expect(outcome?.constraints).toEqual([-0.1, -0.1].map((value) => expect.closeTo(value, 12)));
  });

  it('end silent at the sample that is one too many, with both forms of the constraint', async () => {
    const { outcomes } = await serve([trial(0, { map_size: 12 })], 1, settingsWith());
    // Every fifth sample is silent; the eleventh of them is sample 50, the 51st.
    const outcome = outcomes.get(0);
    expect(outcome).toMatchObject({ state: 'silent', reason: 'excitatory layer silent', accuracies: {} });
    expect(outcome?.objective).toBeUndefined();
    expect(outcome?.plainConstraints[0]).toBeCloseTo(11 / 100 - 0.1, 12);
    expect(outcome?.constraints[0]).toBeCloseTo(1 - 40 / 100 - 0.1, 12);
    expect(outcome?.phases).toMatchObject([{ phase: 'train', samples: 51 }]);
  });

  it('are evaluated although silent where the study asks for it', async () => {
    const { outcomes } = await serve([trial(0, { map_size: 12 })], 1, settingsWith({ evaluateSilent: true }));
    expect(outcomes.get(0)).toMatchObject({ state: 'silent', objective: 1, phases: [{}, { samples: 40 }] });
  });

  it('are not silent when the share is exactly beta', async () => {
    const { outcomes } = await serve([trial(0, { map_size: 12 })], 1, settingsWith({ beta: 0.2 }));
    expect(outcomes.get(0)?.state).toBe('complete');
  });

  it('count silence anew in each epoch', async () => {
    const twice = settingsWith({ beta: 0.2 });
    const { outcomes } = await serve([trial(0, { map_size: 12, epochs: 3 })], 1, twice);
    expect(outcomes.get(0)?.state).toBe('complete');
    expect(outcomes.get(0)?.plainConstraints[0]).toBeCloseTo(0, 12);
  });

  it('come out the same for any chunk and any number of slots', async () => {
    const trials = Array.from({ length: 12 }, (_, number) =>
      trial(number, { map_size: 9 + number, epochs: 1 + (number % 3) }),
    );
    const alone = await serve(trials, 1, settingsWith(), 1);
    for (const [slots, chunk] of [
      [1, 64],
      [3, 7],
      [5, 33],
      [20, 10],
    ] as const) {
      const { outcomes } = await serve(trials, slots, settingsWith(), chunk);
      expect(outcomes.size).toBe(trials.length);
      for (const { number } of trials) {
        expect(timeless(outcomes.get(number))).toEqual(timeless(alone.outcomes.get(number)));
      }
    }
  });

  it('take a free slot at the next chunk, while the others go on', async () => {
    const trials = [
      trial(0, { epochs: 3 }),
      trial(1, { map_size: 12 }),
      trial(2, { map_size: 14 }),
      trial(3),
    ];
    const { runner } = await serve(trials, 2, settingsWith(), 10);
    // Trial 0 needs 34 chunks in slot 0; the others take 6 + 6 + 14 in slot 1, one after the other, with no gap.
    const busy = runner.launches.map((items) => items.map(({ slot }) => slot));
    expect(busy.slice(0, 26)).toEqual(Array.from({ length: 26 }, () => [0, 1]));
    expect(busy.length).toBe(34);
  });

  it('take the slot of one that fell silent at once', async () => {
    const runner = new MadeUpSpikes();
    const source = new WantedTrials([
      trial(0, { epochs: 3 }),
      ...[1, 2, 3].map((n) => trial(n, { map_size: 12 })),
    ]);
    await serveSlots(TWO, inTens(runner), source, (message) => {
      if (message.kind === 'want') source.want(message.count);
    });
    // Those of even size are silent in their sixth chunk; the long one takes 34.
    const busy = runner.launches.map((items) => items.length);
    expect(busy.slice(0, 18)).toEqual(Array.from({ length: 18 }, () => 2));
    expect(busy.slice(18)).toEqual(Array.from({ length: 16 }, () => 1));
  });

  it('that have ended are told when the rest is abandoned', async () => {
    const source = new WantedTrials([trial(0), trial(1, { epochs: 3 })]);
    const ended: number[] = [];
    let chunks = 0;
    await serveSlots(TWO, inTens(new MadeUpSpikes()), source, (message) => {
      if (message.kind === 'want') source.want(message.count);
      if (message.kind === 'outcomes') ended.push(...message.ended.map(({ number }) => number));
      // The first has 10 chunks of training and 4 of the hold-out.
      if (message.kind === 'chunk' && ++chunks === 14) source.abandoned = true;
    });
    expect(ended).toEqual([0]);
  });

  it('never reach over the end of an epoch, a phase or the room for records', async () => {
    const { runner } = await serve([trial(0, { epochs: 2 })], 1, settingsWith());
    for (const [item] of runner.launches) {
      const { first = 0, count = 0, learn } = item ?? {};
      expect(count).toBeLessThanOrEqual(MAX_CHUNK);
      expect(first + count).toBeLessThanOrEqual(learn ? TRAIN : TRAIN + HOLD_OUT);
      expect(first >= TRAIN).toBe(!learn);
    }
    const begins = runner.launches.flat().filter((item) => item.begins);
    expect(begins).toHaveLength(1);
    expect(begins[0]).toMatchObject({ first: 0, ordinal: 0 });
  });

  it('fail one by one for hyperparameters that the model refuses', async () => {
    const trials = [
      trial(0, { i_thresh: -80 }),
      trial(1),
      trial(2, { decoder: 'guess' }),
      trial(3, { epochs: 0.5 }),
    ];
    const { outcomes, messages } = await serve(trials, 2, settingsWith());
    expect(outcomes.get(0)).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/i_thresh \(-80 mV\)/),
    });
    expect(outcomes.get(1)?.state).toBe('complete');
    expect(outcomes.get(2)?.reason).toMatch(/decoder must be one of all, vote/);
    expect(outcomes.get(3)?.reason).toMatch(/epochs must be a whole number/);
    // Every slot freed is asked for again: 2 at first, then one for each trial that ended.
    const wanted = messages.reduce((sum, message) => sum + (message.kind === 'want' ? message.count : 0), 0);
    expect(wanted).toBe(2 + trials.length);
  });

  it('keep a history at fixed places', async () => {
    const { outcomes } = await serve([trial(0)], 1, settingsWith(), 13);
    const history = outcomes.get(0)?.history ?? [];
    const training = history.filter(({ phase }) => phase === 'train');
    expect(training.map(({ samples }) => samples)).toEqual(Array.from({ length: 20 }, (_, k) => 5 * (k + 1)));
    expect(history.at(-1)).toMatchObject({ phase: 'hold-out', samples: 40, accuracy: 1 });
  });
});
