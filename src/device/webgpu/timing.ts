/** Times of launches by timestamp queries: one compute pass a launch, two timestamps a pass. */
import type { LaunchTiming } from '../device.ts';

/** WebGPU's largest query set. */
const MAX_QUERIES = 4096;
const BYTES_PER_QUERY = 8;

/** Collects the times of up to 2,048 launches between two calls of {@link LaunchTimer.take}; later ones are not timed. */
export class LaunchTimer {
  readonly #gpu: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;
  #names: string[] = [];

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.#queries = gpu.createQuerySet({ type: 'timestamp', count: MAX_QUERIES });
    const size = MAX_QUERIES * BYTES_PER_QUERY;
    this.#resolved = gpu.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#readable = gpu.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  }

  /** The timestamps to write around the pass of the next launch; undefined when there is no room. */
  begin(kernel: string): GPUComputePassTimestampWrites | undefined {
    const first = 2 * this.#names.length;
    if (first + 2 > MAX_QUERIES) return undefined;
    this.#names.push(kernel);
    return { querySet: this.#queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  resolve(encoder: GPUCommandEncoder): void {
    const count = 2 * this.#names.length;
    if (count > 0) encoder.resolveQuerySet(this.#queries, 0, count, this.#resolved, 0);
  }

  async take(): Promise<LaunchTiming[]> {
    const names = this.#names;
    this.#names = [];
    if (names.length === 0) return [];
    const size = 2 * names.length * BYTES_PER_QUERY;
    const encoder = this.#gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, size);
    this.#gpu.queue.submit([encoder.finish()]);
    await this.#readable.mapAsync(GPUMapMode.READ, 0, size);
    const stamps = new BigUint64Array(this.#readable.getMappedRange(0, size).slice(0));
    this.#readable.unmap();
    return names.map((kernel, index) => {
      const began = stamps[2 * index] ?? 0n;
      const ended = stamps[2 * index + 1] ?? 0n;
      return { kernel, started: Number(began) / 1e6, milliseconds: Math.max(0, Number(ended - began)) / 1e6 };
    });
  }
}
