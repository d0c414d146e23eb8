/** The launches that advance a batch of recurrent networks: one for many steps, or one for each phase of each step. */
import { encodeStruct, structLayout } from '../device/contract.ts';
import { type Device, type DeviceBuffer, DeviceError, type Kernel, type Launch } from '../device/device.ts';
import { type PropagationMethod, takesManySteps } from './recurrent-method.ts';
import type { PackedSlot } from './recurrent-packing.ts';

export const RECORD_RASTER = 1;
export const RECORD_TRACES = 2;
/** A list of spikes in the place of the raster; of methods that take many steps in a launch. */
export const RECORD_SPIKES = 4;
const RECORD_LIST = 4;
const RECORD_HISTORY = 8;
/** Workgroups that share the spikes of a network in a step. */
const SCATTER_GROUPS = 64;

/** The buffers of a batch by the names of the kernels' bindings. */
export type RecurrentBuffers = Readonly<Record<string, DeviceBuffer>>;

export class RecurrentLaunches {
  readonly method: PropagationMethod;
  readonly #kernels: Readonly<Record<string, Kernel>>;
  readonly #slots: readonly PackedSlot[];
  readonly #record: number;
  readonly #mostGroups: number;

  private constructor(
    method: PropagationMethod,
    kernels: Readonly<Record<string, Kernel>>,
    slots: readonly PackedSlot[],
    record: number,
    mostGroups: number,
  ) {
    this.method = method;
    this.#kernels = kernels;
    this.#slots = slots;
    this.#record = record;
    this.#mostGroups = mostGroups;
  }

  /** The kernels that a method takes, ready on a device. */
  static async kernels(
    device: Device,
    method: PropagationMethod,
    { lanes, learning }: { readonly lanes: number; readonly learning: boolean },
  ): Promise<Readonly<Record<string, Kernel>>> {
    const names = takesManySteps(method) ? [method] : ['update', method, 'record'];
    const constants = method === 'network' ? { lanes, learning: learning ? 2 : 1 } : { lanes };
    const kernels = await Promise.all(names.map((name) => device.kernel(`recurrent_${name}`, constants)));
    return Object.fromEntries(names.map((name, index) => [name, kernels[index] as Kernel]));
  }

  static create(
    device: Device,
    method: PropagationMethod,
    kernels: Readonly<Record<string, Kernel>>,
    slots: readonly PackedSlot[],
    record: number,
  ): RecurrentLaunches {
    const most = device.info.limits.maxWorkgroupsPerDimension;
    if (!takesManySteps(method) && slots.length > most) {
      throw new DeviceError(
        'capacity',
        `${slots.length} networks step by step; ${device.info.name} takes ${most}: use fewer, or the method "network"`,
      );
    }
    return new RecurrentLaunches(method, kernels, slots, record, most);
  }

  /** Advances all networks by `count` steps from `step` on; what is recorded of the first goes to row `row`. */
  of(buffers: RecurrentBuffers, step: number, count: number): Launch[] {
    const slots = this.#slots.length;
    if (slots === 0 || count === 0) return [];
    if (takesManySteps(this.method)) {
      const across = Math.min(slots, this.#mostGroups);
      const params = { first_step: step, steps: count, slots, record: this.#record };
      return [this.#launch(this.method, buffers, params, [across, Math.ceil(slots / across), 1])];
    }
    const launches: Launch[] = [];
    for (let row = 0; row < count; row++) launches.push(...this.#step(buffers, step + row, row, count));
    return launches;
  }

  #step(buffers: RecurrentBuffers, step: number, row: number, rows: number): Launch[] {
    const slots = this.#slots.length;
    const gathers = this.method === 'gather';
    const raster = this.#record & RECORD_RASTER;
    const strides = this.#largest(({ stride }) => stride);
    const launches: Launch[] = [];
    if (gathers)
      launches.push(this.#launch('gather', buffers, { step, slots }, this.#over('gather', strides)));
    const update = {
      step,
      raster_row: row,
      slots,
      record: raster | (gathers ? RECORD_HISTORY : RECORD_LIST),
    };
    launches.push(this.#launch('update', buffers, update, this.#over('update', strides / 4)));
    if (!gathers) {
      launches.push(this.#launch('scatter', buffers, { step, slots }, [SCATTER_GROUPS, slots, 1]));
    }
    if (this.#record !== 0) {
      const elements = Math.max(
        strides / 32,
        this.#largest(({ traceCount }) => traceCount),
      );
      const params = { row, rows, slots, record: this.#record };
      launches.push(this.#launch('record', buffers, params, this.#over('record', elements)));
    }
    return launches;
  }

  #largest(of: (slot: PackedSlot) => number): number {
    return this.#slots.reduce((most, slot) => Math.max(most, of(slot)), 0);
  }

  /** Workgroups over so many elements of the largest network, and over all networks. */
  #over(name: string, elements: number): readonly [number, number, number] {
    const lanes = this.#kernel(name).constants.lanes ?? 1;
    return [Math.max(1, Math.ceil(elements / lanes)), this.#slots.length, 1];
  }

  #launch(
    name: string,
    buffers: RecurrentBuffers,
    params: Readonly<Record<string, number>>,
    workgroups: readonly [number, number, number],
  ): Launch {
    const kernel = this.#kernel(name);
    return {
      kernel,
      params: encodeStruct(structLayout(kernel.contract, 'Params'), params),
      buffers: Object.fromEntries(
        kernel.contract.buffers.map((binding) => [binding.name, buffers[binding.name] as DeviceBuffer]),
      ),
      workgroups,
    };
  }

  #kernel(name: string): Kernel {
    const kernel = this.#kernels[name];
    if (!kernel) throw new DeviceError('contract', `the batch has no kernel "recurrent_${name}"`);
    return kernel;
  }
}
