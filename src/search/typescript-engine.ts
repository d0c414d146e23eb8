/** The Gaussian process engine in plain TypeScript, in a thread of its own so that the event loop stays free. */
import { Worker } from 'node:worker_threads';
import type { ConditionedProcess, Features, GaussianEngine, Inputs } from './engine.ts';

/** What the thread is asked to do; `gaussian-worker.ts` answers. */
export type EngineRequest =
  | {
      readonly kind: 'likelihood';
      readonly inputs: Inputs;
      readonly y: Float64Array;
      readonly theta: Float64Array;
    }
  | {
      readonly kind: 'condition';
      readonly id: number;
      readonly inputs: Inputs;
      readonly y: Float64Array;
      readonly theta: Float64Array;
    }
  | { readonly kind: 'means'; readonly id: number; readonly points: Float64Array; readonly count: number }
  | { readonly kind: 'predict'; readonly id: number; readonly points: Float64Array; readonly count: number }
  | {
      readonly kind: 'draw';
      readonly id: number;
      readonly y: Float64Array;
      readonly features: Features;
      readonly weights: Float64Array;
      readonly noise: Float64Array;
      readonly paths: number;
    }
  | {
      readonly kind: 'evaluate';
      readonly id: number;
      readonly points: Float64Array;
      readonly count: number;
      readonly shared: boolean;
    }
  | { readonly kind: 'release'; readonly id: number };

export interface EngineMessage {
  readonly ticket: number;
  readonly request: EngineRequest;
}

export interface EngineReply {
  readonly ticket: number;
  readonly values?: Float64Array;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (values: Float64Array) => void;
  readonly reject: (error: Error) => void;
}

/** The thread's own file: TypeScript as it stands in the source, JavaScript in a built package. */
const WORKER_FILE = new URL(
  import.meta.url.endsWith('.ts') ? './gaussian-worker.ts' : './gaussian-worker.js',
  import.meta.url,
);

export class TypescriptEngine implements GaussianEngine {
  readonly kind = 'typescript';
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #tickets = 0;
  #processes = 0;

  async marginalLikelihood(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<Float64Array> {
    return this.#ask({ kind: 'likelihood', inputs, y, theta });
  }

  async condition(inputs: Inputs, y: Float64Array, theta: Float64Array): Promise<ConditionedProcess> {
    const id = this.#processes;
    this.#processes += 1;
    await this.#ask({ kind: 'condition', id, inputs, y, theta });
    return {
      means: (points, count) => this.#ask({ kind: 'means', id, points, count }),
      predict: (points, count) => this.#ask({ kind: 'predict', id, points, count }),
      drawPaths: async (values, features, weights, noise, paths) => {
        await this.#ask({ kind: 'draw', id, y: values, features, weights, noise, paths });
      },
      evaluatePaths: (points, count, shared) => this.#ask({ kind: 'evaluate', id, points, count, shared }),
      [Symbol.dispose]: () => {
        this.#ask({ kind: 'release', id }).catch(() => undefined);
      },
    };
  }

  #ask(request: EngineRequest): Promise<Float64Array> {
    const worker = this.#worker ?? this.#start();
    const ticket = this.#tickets;
    this.#tickets += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Float64Array>();
    this.#waiting.set(ticket, { resolve, reject });
    // Only work under way keeps the process alive.
    worker.ref();
    worker.postMessage({ ticket, request } satisfies EngineMessage);
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(WORKER_FILE);
    worker.on('message', ({ ticket, values, error }: EngineReply) => {
      const waiting = this.#waiting.get(ticket);
      this.#waiting.delete(ticket);
      if (this.#waiting.size === 0) worker.unref();
      if (error === undefined) waiting?.resolve(values ?? new Float64Array(0));
      else waiting?.reject(new RangeError(error));
    });
    worker.on('error', (error) => {
      this.#worker = undefined;
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of waiting) reject(error as Error);
    });
    this.#worker = worker;
    return worker;
  }
}
