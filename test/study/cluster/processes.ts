/** Coordinators and workers as processes, and links that can be cut. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface ChildEvent {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** A process that says what happens, a JSON line each. */
export class EventProcess {
  readonly child: ChildProcess;
  readonly events: ChildEvent[] = [];
  /** Its exit code; null for one that was ended by a signal. */
  readonly ended: Promise<number | null>;
  stderr = '';
  readonly #listeners = new Set<() => void>();

  constructor(file: string, task: object) {
    const path = fileURLToPath(new URL(`../fixtures/${file}`, import.meta.url));
    this.child = spawn(process.execPath, [path, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.events.push(...lines.map((line) => JSON.parse(line) as ChildEvent));
      for (const listener of this.#listeners) listener();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code) => {
        resolve(code);
        for (const listener of this.#listeners) listener();
      });
    });
  }

  /** Waits until enough events of a kind have come. */
  async said(kind: string, count = 1): Promise<ChildEvent> {
    for (;;) {
      const found = this.events.filter((event) => event.kind === kind)[count - 1];
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`it ended (${this.child.exitCode ?? this.child.signalCode}): ${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        const once = (): void => {
          this.#listeners.delete(once);
          resolve();
        };
        this.#listeners.add(once);
      });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** A link to a server that can be cut: then nothing passes, and nobody is told, as with a cable that is pulled out. */
export class Link implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isCut = false;

  private constructor(target: number) {
    this.#server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [far, near]] as const) {
        from.setNoDelay(true);
        from.on('error', () => {});
        // What is sent into a cut link is lost; so is its end.
        from.on('data', (data) => {
          if (!this.#isCut) to.write(data);
        });
        from.on('close', () => {
          if (!this.#isCut) to.destroy();
        });
      }
    });
  }

  static async to(port: number): Promise<Link> {
    const link = new Link(port);
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  cut(): void {
    this.#isCut = true;
  }

  /** New connections pass; those that were cut never recover, since what was sent is lost. */
  restore(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.restore();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
