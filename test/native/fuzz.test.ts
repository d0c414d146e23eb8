/**
 * Random launches straight at the addon, past all checks of TypeScript: each is an error or a valid run, and memory
 * that is not bound stays as it was. Seeded, so a failure repeats.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadAddon, type NativeDeviceHandle } from '../../src/device/native/addon.ts';
import { describeNative } from '../../src/device/native/index.ts';
import { philox4x32 } from '../../src/random/philox.ts';
import { type RecordedLaunches, recordLaunches } from './recorded-launches.ts';
import { recurrentLaunch } from './recurrent-launch.ts';

const LAUNCHES = 6000;
const CANARY = 0x5eed5eed;
const STEPS = 5;
const INPUTS = 12;
const TILES = 2;
const SLOTS = 3;
const ITEMS = 3;
const SAMPLES = 4;

class Dice {
  readonly #seed: number;
  #drawn = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  word(): number {
    return philox4x32([this.#drawn++, 0, 0, 0], [this.#seed, 0])[0];
  }

  below(limit: number): number {
    return this.word() % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** A word that is likely to hurt. */
  hostile(): number {
    return this.of([0, 1, 2, 31, 32, 33, 255, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, this.word()]);
  }
}

interface Attempt {
  readonly kernel: number;
  params: Uint8Array;
  readonly buffers: Uint32Array[];
  constants: number[];
  workgroups: number[];
}

/** Words of a buffer; numbers that are not whole become f32. */
function words(values: readonly number[]): Uint32Array {
  const bits = new DataView(new ArrayBuffer(4));
  return Uint32Array.from(values, (value) => {
    if (Number.isInteger(value) && value >= 0) return value;
    bits.setFloat32(0, value);
    return bits.getUint32(0);
  });
}

/** f32 values as words, whole ones too. */
function reals(values: readonly number[]): number[] {
  return [...new Uint32Array(Float32Array.from(values).buffer)];
}

/** A launch that is valid but for what {@link mutate} does to it. */
function validAttempt(name: string, kernel: number, dice: Dice, recorded: RecordedLaunches): Attempt {
  if (name.startsWith('surrogate_') || name.startsWith('tangent_')) {
    const launches = recorded.get(name);
    if (!launches) throw new Error(`no launch of ${name} was recorded`);
    const { params, buffers, constants, workgroups } = dice.of(launches);
    return {
      kernel,
      params: params.slice(),
      buffers: buffers.map((content) => content.slice()),
      constants: [...constants],
      workgroups: [...workgroups],
    };
  }
  if (name === 'philox_words') {
    const blocks = dice.below(40);
    return {
      kernel,
      params: bytes([blocks, dice.word(), dice.word(), dice.word(), dice.word()]),
      buffers: [new Uint32Array(160)],
      constants: [8],
      workgroups: [5, 1, 1],
    };
  }
  if (name.startsWith('roof_')) {
    const random = (count: number) => Uint32Array.from({ length: count }, () => dice.word());
    const rounds = dice.below(8);
    const launches: Readonly<Record<string, readonly [number[], Uint32Array[]]>> = {
      roof_copy: [
        [dice.below(64), 8],
        [random(256), new Uint32Array(256)],
      ],
      roof_read: [
        [dice.below(9), 8, rounds],
        [random(256), new Uint32Array(32)],
      ],
      roof_gather: [
        [dice.below(65), rounds, 63],
        [random(64), new Uint32Array(64)],
      ],
      roof_multiply_add: [[dice.below(65), rounds, ...reals([0.5, 0.5])], [new Uint32Array(64)]],
    };
    const [params, buffers] = launches[name] as readonly [number[], Uint32Array[]];
    return { kernel, params: bytes(params), buffers: [...buffers], constants: [8], workgroups: [8, 1, 1] };
  }
  if (name.startsWith('recurrent_')) {
    const { params, buffers, constants, workgroups } = recurrentLaunch(name, STEPS, dice.word());
    return { kernel, params: bytes(params), buffers, constants, workgroups };
  }
  const weights = () =>
    new Uint32Array(SLOTS * TILES * INPUTS * 32).map(() => reals([dice.below(1000) / 1000])[0] as number);
  if (name === 'uniform_weights') {
    const fills = [0, 1, 2].flatMap((slot) => [slot, dice.below(70), dice.word(), dice.word()]);
    return {
      kernel,
      params: bytes([INPUTS, TILES]),
      buffers: [words(fills), weights()],
      constants: [8],
      workgroups: [TILES * INPUTS, dice.below(4), 1],
    };
  }
  const offsets: number[] = [];
  let events = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    offsets.push(events);
    for (let t = 0; t < STEPS; t++) {
      events += dice.below(6);
      offsets.push(events);
    }
  }
  const packed = Uint32Array.from(
    { length: Math.ceil(events / 2) },
    () => dice.below(INPUTS) | (dice.below(INPUTS) << 16),
  );
  const items = [0, 1, 2].flatMap((index) => {
    const count = dice.below(SAMPLES + 1);
    return [
      index,
      dice.below(SAMPLES - count + 1),
      count,
      dice.below(4),
      dice.word(),
      index * SAMPLES,
      dice.below(3),
      9,
    ];
  });
  const slots = Array.from({ length: SLOTS }, () => [
    ...[
      1 + dice.below(64),
      dice.word(),
      dice.word(),
      dice.below(3),
      dice.below(3),
      dice.below(4),
      dice.below(4),
    ],
    ...reals([
      0.99,
      -65,
      -60,
      dice.of([-64, -55]),
      0.05,
      1e-3,
      1e-3,
      0.9,
      -60,
      -45,
      -40,
      22,
      17,
      0.01,
      0.1,
      5,
    ]),
  ]).flat();
  return {
    kernel,
    params: bytes([STEPS, INPUTS, TILES, ITEMS]),
    buffers: [
      words(items),
      words(slots),
      words(offsets),
      packed,
      words(reals(Array.from({ length: STEPS + 1 }, (_, k) => Math.exp(-k / 20)))),
      weights(),
      new Uint32Array(SLOTS * TILES * 32),
      Uint32Array.from({ length: SLOTS * TILES * 32 }, () => dice.below(2)),
      new Uint32Array(ITEMS * 2 * TILES * 32),
      new Uint32Array(ITEMS * 5),
      new Uint32Array(ITEMS * SAMPLES * (STEPS + 1)),
    ],
    constants: [8, STEPS, INPUTS],
    workgroups: [ITEMS, 1, 1],
  };
}

function bytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** Spoils some of it. */
function mutate(attempt: Attempt, dice: Dice): void {
  const spoilWord = (target: Uint32Array): void => {
    if (target.length > 0) target[dice.below(target.length)] = dice.hostile();
  };
  const kinds = dice.below(4);
  for (let i = 0; i < kinds && attempt.buffers.length > 0; i++) {
    const which = dice.below(attempt.buffers.length);
    const buffer = attempt.buffers[which] as Uint32Array;
    const spoil = dice.of([
      () => spoilWord(attempt.buffers[dice.below(Math.min(3, attempt.buffers.length))] as Uint32Array),
      () => spoilWord(buffer),
      () => attempt.buffers.splice(which, 1, buffer.slice(0, dice.below(buffer.length + 1))),
      () => {
        const whole = attempt.params.length - (attempt.params.length % 4);
        const params = new Uint32Array(attempt.params.slice(0, whole).buffer);
        spoilWord(params);
        attempt.params = new Uint8Array(params.buffer);
      },
      () => {
        attempt.params = new Uint8Array(dice.below(64));
      },
      () => {
        attempt.workgroups[dice.below(3)] = dice.hostile();
      },
      () => {
        attempt.constants = dice.of([
          [],
          [0],
          [1, 2, 3, 4],
          [8, Number.NaN, 2 ** 40],
          [8, STEPS, INPUTS].map(() => dice.hostile()),
        ]);
      },
      () => attempt.buffers.pop(),
    ]);
    spoil();
  }
}

/** True for a valid run, false for an error, which must say more than a panic would. */
async function runs(
  device: NativeDeviceHandle,
  attempt: Attempt,
  dice: Dice,
  unbound: number,
): Promise<boolean> {
  const ids = attempt.buffers.map((content) => {
    // Odd lengths in bytes too.
    const id = device.createBuffer(content.byteLength + (dice.chance(10) ? 2 : 0));
    if (content.byteLength > 0) device.write(id, 0, new Uint8Array(content.buffer, 0, content.byteLength));
    return id;
  });
  const bound = [...ids];
  if (bound.length > 1 && dice.chance(5)) bound[dice.below(bound.length)] = dice.of(bound);
  if (bound.length > 0 && dice.chance(3)) bound[dice.below(bound.length)] = dice.of([unbound + 999, 0]);
  if (ids.length > 0 && dice.chance(3)) device.dropBuffer(dice.of(ids));
  let failure: unknown;
  try {
    device.launch(attempt.kernel, attempt.params, bound, attempt.constants, attempt.workgroups);
    // Dropped while the launch is queued: it still has its buffers.
    for (const id of ids) device.dropBuffer(id);
    await device.idle();
  } catch (error) {
    failure = error;
  }
  for (const id of ids) device.dropBuffer(id);
  if (failure === undefined) return true;
  expect(String((failure as Error).message)).toMatch(/^(contract|launch|capacity): /);
  return false;
}

const absent = 'absent' in describeNative();

describe.skipIf(absent)(
  `random launches${absent ? ' (skipped: the native engine is not built)' : ''}`,
  () => {
    const addon = loadAddonOnce();
    let recorded: RecordedLaunches = new Map();

    beforeAll(async () => {
      recorded = await recordLaunches();
    });

    test.each(addon.kernels().map((kernel, number) => [kernel.name, number] as const))(
      '%s: an error or a valid run, and nothing else is touched',
      async (name, number) => {
        const dice = new Dice(number + 1);
        const device = new addon.Device(2, false);
        const canaries = Array.from({ length: 4 }, () => {
          const id = device.createBuffer(4096);
          device.write(id, 0, new Uint8Array(new Uint32Array(1024).fill(CANARY).buffer));
          return id;
        });
        const outcomes = { valid: 0, refused: 0 };
        for (let launch = 0; launch < LAUNCHES / 3; launch++) {
          const attempt = validAttempt(name, number, dice, recorded);
          mutate(attempt, dice);
          if (await runs(device, attempt, dice, Math.max(...canaries))) outcomes.valid++;
          else outcomes.refused++;
        }
        for (const id of canaries) {
          const content = await device.read(id, 0, 4096);
          expect(new Set(new Uint32Array(content.buffer))).toEqual(new Set([CANARY]));
        }
        await device.dispose();
        // Both sides of every check were reached.
        expect(outcomes.valid).toBeGreaterThan(LAUNCHES / 20);
        expect(outcomes.refused).toBeGreaterThan(LAUNCHES / 20);
      },
      300_000,
    );

    test('unspoilt launches all run', async () => {
      const dice = new Dice(99);
      const device = new addon.Device(2, false);
      for (const [number, { name }] of addon.kernels().entries()) {
        for (let i = 0; i < 50; i++) {
          const { buffers, kernel, params, constants, workgroups } = validAttempt(
            name,
            number,
            dice,
            recorded,
          );
          const ids = buffers.map((content) => {
            const id = device.createBuffer(content.byteLength);
            device.write(id, 0, new Uint8Array(content.buffer));
            return id;
          });
          device.launch(kernel, params, ids, constants, workgroups);
          await device.idle();
          for (const id of ids) device.dropBuffer(id);
        }
      }
      await device.dispose();
    });

    test.each([
      ['recurrent_network', 'synapses'],
      ['recurrent_modes', 'synapses'],
      ['recurrent_scatter', 'synapses'],
      ['recurrent_gather', 'inputs'],
    ])('%s: a launch that ran is refused once its %s are spoilt, and runs again', async (name, spoilt) => {
      const device = new addon.Device(2, false);
      const number = addon.kernels().findIndex((kernel) => kernel.name === name);
      const which = addon.kernels()[number]?.buffers.findIndex((buffer) => buffer.name === spoilt) ?? -1;
      const { params, buffers, constants, workgroups } = recurrentLaunch(name, STEPS, 5);
      const ids = buffers.map((content) => {
        const id = device.createBuffer(content.byteLength);
        device.write(id, 0, new Uint8Array(content.buffer));
        return id;
      });
      const launch = async () => {
        device.launch(number, bytes(params), ids, constants, workgroups);
        await device.idle();
      };
      await launch();
      const [id, content] = [ids[which], buffers[which]] as [number, Uint32Array];
      const last = content.byteLength - 4;
      device.write(id, last, bytes([0xfffff]));
      await expect(launch()).rejects.toThrow(`"${spoilt}" names neuron 1048575`);
      device.write(id, last, new Uint8Array(content.buffer, last, 4));
      await launch();
      await device.dispose();
    });

    test('numbers and lengths that are none are refused at once', async () => {
      const device = new addon.Device(1, false);
      const id = device.createBuffer(8);
      for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
        expect(() => device.createBuffer(bad)).toThrow();
        expect(() => device.write(id, bad, new Uint8Array(1))).toThrow();
        await expect(async () => device.read(id, bad, 1)).rejects.toThrow();
        await expect(async () => device.read(id, 0, bad)).rejects.toThrow();
      }
      expect(() => device.launch(1000, new Uint8Array(), [], [], [1, 1, 1])).toThrow(/no kernel number/);
      expect(() => device.launch(0, new Uint8Array(), [], [], [1, 1])).toThrow(/three numbers/);
      device.write(id, 4, new Uint8Array(8));
      await expect(device.idle()).rejects.toThrow(/beyond the end/);
      await expect(device.read(id, 4, 8)).rejects.toThrow(/beyond the end/);
      await device.dispose();
      expect(() => device.createBuffer(4)).toThrow(/disposed/);
    });
  },
);

function loadAddonOnce() {
  try {
    return loadAddon();
  } catch {
    // Every test here is skipped then; the names of the kernels come from the addon.
    return { kernels: () => [] } as unknown as ReturnType<typeof loadAddon>;
  }
}
