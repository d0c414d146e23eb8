/** A worker that notes what its device is given to do, so that it can be done again without the host's work. */
import { appendFileSync } from 'node:fs';
import type { BatchItem } from '../../src/kernels/diehl-cook.ts';
import type { SlotRunner } from '../../src/study/diehl-cook-slots.ts';
import type { WorkerTask } from '../../src/study/session.ts';
import { serve } from '../../src/study/worker.ts';

/** A line of the notes. JSON has no Infinity: null stands for a budget that has no end. */
export type Note =
  | { readonly slot: number; readonly network: Readonly<Record<string, number>> }
  | {
      readonly items: readonly BatchItem[];
      /** Processor time of the worker's own thread until this launch, seconds. */
      readonly cpuSeconds: number;
    };

export interface RecordingTask extends WorkerTask {
  /** The file that takes the notes. */
  readonly notes: string;
}

export default function start(task: RecordingTask): void {
  void serve(task, (batch) => new Recorder(batch, task.notes));
}

class Recorder implements SlotRunner {
  readonly #runner: SlotRunner;
  readonly #file: string;
  #lines: string[] = [];

  constructor(runner: SlotRunner, file: string) {
    this.#runner = runner;
    this.#file = file;
  }

  place(slot: number, network: Readonly<Record<string, number>>): void {
    this.#note({ slot, network });
    this.#runner.place(slot, network);
  }

  run(items: readonly BatchItem[]) {
    const running = this.#runner.run(items);
    // While the device works.
    const { user, system } = process.threadCpuUsage();
    this.#note({ items, cpuSeconds: (user + system) / 1e6 });
    appendFileSync(this.#file, `${this.#lines.join('\n')}\n`);
    this.#lines = [];
    return running;
  }

  #note(note: Note): void {
    this.#lines.push(JSON.stringify(note));
  }
}
