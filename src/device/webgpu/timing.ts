/**
 * Times of launches by timestamp queries: two timestamps a compute pass.
 *
 * A pass of its own for each launch says exactly what each takes, and costs some tens of µs on a software adapter: half as
 * much again as hundreds of tiny launches take without. So there is a sparing way too. There, launches that were seen to be
 * short share passes of some milliseconds: what a pass takes is still measured, and divided among its launches as they take
 * when each is timed alone, as one in {@link ALONE_EVERY} of a kind always is.
 */
import type { Launch, LaunchTiming } from '../device.ts';

/** WebGPU's largest query set. */
const MAX_QUERIES = 4096;
const BYTES_PER_QUERY = 8;
/** Shorter launches share a pass; a few tens of times what a pass with its timestamps costs where that costs most. */
export const SHORT_MS = 1;
/** What launches that share a pass are expected to take together. */
const PASS_MS = 4;
/** One launch in so many of a kind is timed alone, so that the division stays true as the work changes. */
const ALONE_EVERY = 64;
/** Times of a kind that are kept; their median counts, as a launch may wait for a compiler or for other programs. */
export const REMEMBERED = 16;

/** Launches one after another that go into one pass. */
export interface LaunchPass {
  readonly count: number;
  /** Undefined where nothing is timed, or no room is left for it. */
  readonly timestamps?: GPUComputePassTimestampWrites;
}

/** What launches of a kernel over as many workgroups were seen to take alone. */
interface Kind {
  readonly kernel: string;
  seen: number;
  /** Of the last {@link REMEMBERED} that were timed alone, ms. */
  readonly alone: number[];
  /** Their median. */
  expectedMs: number;
}

/** Collects the times of up to 2,048 passes between two calls of {@link LaunchTimer.take}; later ones are not timed. */
export class LaunchTimer {
  readonly #gpu: GPUDevice;
  readonly #sparing: boolean;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;
  readonly #kinds = new Map<string, Kind>();
  /** The launches of each timed pass. */
  #passes: Kind[][] = [];

  constructor(gpu: GPUDevice, sparing: boolean) {
    this.#gpu = gpu;
    this.#sparing = sparing;
    this.#queries = gpu.createQuerySet({ type: 'timestamp', count: MAX_QUERIES });
    const size = MAX_QUERIES * BYTES_PER_QUERY;
    this.#resolved = gpu.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#readable = gpu.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  }

  /** The passes that launches are to be encoded in, in their order. */
  passesOf(launches: readonly Pick<Launch, 'kernel' | 'workgroups'>[]): LaunchPass[] {
    const passes: LaunchPass[] = [];
    let shared: Kind[] = [];
    let expectedMs = 0;
    const close = () => {
      if (shared.length > 0) passes.push(this.#pass(shared));
      shared = [];
      expectedMs = 0;
    };
    for (const launch of launches) {
      const kind = this.#kindOf(launch);
      const shortMs = this.#shared(kind);
      kind.seen += 1;
      if (shortMs === undefined) {
        close();
        passes.push(this.#pass([kind]));
        continue;
      }
      shared.push(kind);
      expectedMs += shortMs;
      if (expectedMs >= PASS_MS) close();
    }
    close();
    return passes;
  }

  async take(): Promise<LaunchTiming[]> {
    const passes = this.#passes;
    this.#passes = [];
    if (passes.length === 0) return [];
    const size = 2 * passes.length * BYTES_PER_QUERY;
    const encoder = this.#gpu.createCommandEncoder();
    // Here and not at each submit, which would resolve again what those before have written.
    encoder.resolveQuerySet(this.#queries, 0, 2 * passes.length, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, size);
    this.#gpu.queue.submit([encoder.finish()]);
    await this.#readable.mapAsync(GPUMapMode.READ, 0, size);
    const stamps = new BigUint64Array(this.#readable.getMappedRange(0, size).slice(0));
    this.#readable.unmap();
    return passes.flatMap((kinds, index) => {
      const began = stamps[2 * index] ?? 0n;
      const ended = stamps[2 * index + 1] ?? 0n;
      return divided(kinds, Number(began) / 1e6, Math.max(0, Number(ended - began)) / 1e6);
    });
  }

  #kindOf({ kernel, workgroups }: Pick<Launch, 'kernel' | 'workgroups'>): Kind {
    const key = `${kernel.name} ${workgroups.join(' ')}`;
    const known = this.#kinds.get(key);
    if (known) return known;
    const kind = { kernel: kernel.name, seen: 0, alone: [], expectedMs: 0 };
    this.#kinds.set(key, kind);
    return kind;
  }

  /** What a launch that may share a pass is expected to take, ms; undefined for one to be timed alone. */
  #shared({ seen, alone, expectedMs }: Kind): number | undefined {
    if (!this.#sparing || alone.length === 0 || seen % ALONE_EVERY === 0) return undefined;
    return expectedMs < SHORT_MS ? expectedMs : undefined;
  }

  #pass(kinds: Kind[]): LaunchPass {
    const first = 2 * this.#passes.length;
    if (first + 2 > MAX_QUERIES) return { count: kinds.length };
    this.#passes.push(kinds);
    const timestamps = {
      querySet: this.#queries,
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    };
    return { count: kinds.length, timestamps };
  }
}

/** The time of a pass among its launches, one after another; a launch alone adds to what is known of its kind. */
function divided(kinds: readonly Kind[], started: number, milliseconds: number): LaunchTiming[] {
  const [only] = kinds;
  if (only && kinds.length === 1) {
    only.alone.push(milliseconds);
    if (only.alone.length > REMEMBERED) only.alone.shift();
    only.expectedMs = only.alone.toSorted((a, b) => a - b)[only.alone.length >> 1] ?? 0;
    return [{ kernel: only.kernel, started, milliseconds }];
  }
  const all = kinds.reduce((sum, { expectedMs }) => sum + expectedMs, 0);
  let at = started;
  return kinds.map(({ kernel, expectedMs }) => {
    const share = all > 0 ? expectedMs / all : 1 / kinds.length;
    const own = { kernel, started: at, milliseconds: share * milliseconds, sharedBy: kinds.length };
    at += own.milliseconds;
    return own;
  });
}
