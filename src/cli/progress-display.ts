/** Shows the progress of a run on stderr: a live view where it can be written over, else a line every few seconds. */
import { createLogUpdate } from 'log-update';

const LIVE_INTERVAL_MS = 500;
const LINE_INTERVAL_MS = 5_000;

/** What is to be shown, made when it is time to. */
export interface ProgressText {
  live(columns: number): string;
  line(): string;
}

export class ProgressDisplay implements Disposable {
  readonly #text: ProgressText;
  readonly #live: ReturnType<typeof createLogUpdate> | undefined;
  readonly #timer: NodeJS.Timeout;

  /** @param quiet shows nothing at all */
  constructor(text: ProgressText, { quiet }: { readonly quiet: boolean }) {
    this.#text = text;
    // A terminal of no height, as some recorders and editors have it, would show nothing.
    const canOverwrite = process.stderr.isTTY && process.stderr.rows > 0;
    this.#live = !quiet && canOverwrite ? createLogUpdate(process.stderr) : undefined;
    const interval = this.#live === undefined ? LINE_INTERVAL_MS : LIVE_INTERVAL_MS;
    this.#timer = setInterval(() => this.#show(quiet), interval).unref();
  }

  /** Writes a line that stays, above what is written over. */
  note(line: string): void {
    this.#live?.clear();
    process.stderr.write(`${line}\n`);
    if (this.#live !== undefined) this.#show(false);
  }

  #show(quiet: boolean): void {
    if (quiet) return;
    if (this.#live === undefined) process.stderr.write(`${this.#text.line()}\n`);
    else this.#live(this.#text.live(process.stderr.columns ?? 80));
  }

  /** Takes the live view away and gives the cursor back. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#live?.clear();
    this.#live?.done();
  }
}
