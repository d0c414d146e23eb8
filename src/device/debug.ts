/** TACET_DEBUG: 1 prints a line for each phase of a study, and the stack below an error; 2 a line for each launch too. */
import type { Device, DeviceBuffer, DeviceInfo, Kernel, Launch, LaunchTiming } from './device.ts';

export function debugLevel(): number {
  const level = Number(process.env.TACET_DEBUG ?? '0');
  return Number.isFinite(level) ? level : 1;
}

/** A device, opened with `timing`, that says on stderr what each launch took, once the host knows. */
export class TalkingDevice implements Device {
  readonly info: DeviceInfo;
  readonly lost: Promise<string>;
  readonly #inner: Device;
  #given: Launch[] = [];
  #number = 0;
  #saying: Promise<void> = Promise.resolve();

  constructor(inner: Device) {
    this.#inner = inner;
    this.info = inner.info;
    this.lost = inner.lost;
  }

  kernel(name: string, constants?: Readonly<Record<string, number>>): Promise<Kernel> {
    return this.#inner.kernel(name, constants);
  }

  createBuffer(byteLength: number, label: string): DeviceBuffer {
    return this.#inner.createBuffer(byteLength, label);
  }

  write(buffer: DeviceBuffer, byteOffset: number, data: ArrayBufferView): void {
    this.#inner.write(buffer, byteOffset, data);
  }

  run(launches: readonly Launch[]): void {
    this.#inner.run(launches);
    const empty = ({ workgroups }: Launch) => workgroups.includes(0);
    this.#given.push(...launches.filter((launch) => this.info.kind === 'native' || !empty(launch)));
  }

  async read(buffer: DeviceBuffer, byteOffset?: number, byteLength?: number): Promise<ArrayBuffer> {
    const bytes = await this.#inner.read(buffer, byteOffset, byteLength);
    await this.#say();
    return bytes;
  }

  async idle(): Promise<void> {
    await this.#inner.idle();
    await this.#say();
  }

  async timings(): Promise<readonly LaunchTiming[]> {
    await this.#say();
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  /** One after another, so that times and launches stay in step. */
  #say(): Promise<void> {
    this.#saying = this.#saying.then(async () => {
      const given = this.#given;
      this.#given = [];
      if (given.length === 0) return;
      const timings = await this.#inner.timings();
      const lines = given.map((launch, index) => this.#line(launch, timings[index]));
      process.stderr.write(lines.join(''));
    });
    return this.#saying;
  }

  #line(launch: Launch, timing: LaunchTiming | undefined): string {
    this.#number += 1;
    return launchLine(this.#number, launch, timing);
  }
}

/** What a launch took, in a line. */
export function launchLine(
  number: number,
  { kernel, workgroups, buffers }: Launch,
  timing: LaunchTiming | undefined,
): string {
  const bound = Object.values(buffers).reduce((sum, { byteLength }) => sum + byteLength, 0);
  const together = timing?.sharedBy === undefined ? '' : ` (of ${timing.sharedBy} timed together)`;
  const time = timing ? `${timing.milliseconds.toFixed(3)} ms${together}` : 'not timed';
  const groups = `${workgroups.join(' x ')} workgroups`;
  return `launch ${number} ${kernel.name}: ${groups}, ${(bound / 1e6).toFixed(1)} MB bound, ${time}\n`;
}
