/**
 * Which device a specification such as `auto` or `webgpu:radeon` means, among those that a machine has.
 *
 * A card is a piece of hardware, an adapter what a driver makes of it: a card with two drivers is two adapters, and
 * identical cards are adapters of the same name.
 */
import { type AdapterIdentity, DeviceError, type DeviceInfo } from './device.ts';

/** An adapter that WebGPU can open. */
export interface PresentAdapter {
  /** The driver's own name; identical cards have identical names. */
  readonly name: string;
  /** Absent where adapters can only be told apart by their names. */
  readonly identity?: AdapterIdentity;
}

/** What a machine has; see `findDevices`. */
export interface Present {
  readonly adapters: readonly PresentAdapter[];
  /** True where the native engine is installed. */
  readonly native: boolean;
  /** Why not even a software adapter is there, for the message when there is no adapter. */
  readonly withoutSoftware?: string | undefined;
  /** Why adapters of the same name can't be told apart here. */
  readonly withoutIdentity?: string | undefined;
}

/** A device to open. Plain data, which a main thread can send to the worker thread that opens it. */
export interface Choice {
  readonly kind: 'webgpu' | 'native';
  /** The specification that means this device and no other. */
  readonly spec: string;
  /** The adapter's full name; empty for the native engine. */
  readonly name: string;
  /** True for an adapter that computes on the processor; false for the native engine. */
  readonly software: boolean;
  readonly identity?: AdapterIdentity;
  /** The reason in words. */
  readonly why: string;
}

/** True for adapters that compute on the processor. */
export function isSoftware(name: string): boolean {
  return /llvmpipe|swiftshader|lavapipe|software|basic render/i.test(name);
}

function isSoftwareAdapter({ name, identity }: PresentAdapter): boolean {
  return identity?.type === 'software' || isSoftware(name);
}

/** Graphics cards first, then what shares its memory with the processor, then software: llvmpipe, then SwiftShader. */
export function rankAdapters<A extends PresentAdapter>(adapters: readonly A[]): A[] {
  const rank = (adapter: A): number => {
    if (isSoftwareAdapter(adapter)) return /swiftshader/i.test(adapter.name) ? 3 : 2;
    return adapter.identity?.type === 'integrated' ? 1 : 0;
  };
  return [...adapters].sort((a, b) => rank(a) - rank(b));
}

/**
 * The specification that means this adapter and no other of the machine: its name; for one of several of that name
 * its PCI address, or its place among them.
 */
export function specOf(adapter: PresentAdapter, adapters: readonly PresentAdapter[]): string {
  const ranked = rankAdapters(adapters);
  const twins = ranked.filter(({ name }) => name === adapter.name);
  // Without identities a name means the first of that name, the only one that can be opened.
  if (twins.length < 2 || !adapter.identity) return `webgpu:${adapter.name}`;
  const address = adapter.identity.pciAddress;
  const first = ranked.find(({ identity }) => identity?.pciAddress === address);
  if (address !== undefined && first && isSameAdapter(first, adapter)) return `webgpu:pci-${address}`;
  return `webgpu:${adapter.name}#${1 + twins.findIndex((twin) => isSameAdapter(twin, adapter))}`;
}

/**
 * Chooses among what is present.
 *
 * @param spec `auto`; `native`; `webgpu` (hardware first); `webgpu:<part of an adapter's name>` (any case), with `#2`
 *   behind it for the second of that name; or `webgpu:pci-<address>`
 * @throws {DeviceError} `unknown-device` for anything else, for a name that no adapter has, or one that several cards
 *   have; `no-device` when there is none
 *
 * @example chooseDevice('auto', { adapters: [{ name: 'llvmpipe' }], native: true }).kind // 'native'
 */
export function chooseDevice(spec: string, present: Present): Choice {
  const ranked = rankAdapters(present.adapters);
  const [best] = ranked;
  if (spec === 'native') return native('asked for');
  if (spec === 'auto') {
    if (best && !isSoftwareAdapter(best)) return webgpu(best, present, 'the first hardware adapter');
    if (present.native) return native('no hardware adapter; faster than a software adapter');
    if (!best) throw noDevice(present);
    return webgpu(best, present, 'no hardware adapter and no native engine');
  }
  if (spec === 'webgpu') {
    if (!best) throw noDevice(present);
    return webgpu(best, present, isSoftwareAdapter(best) ? 'no hardware adapter' : 'hardware first');
  }
  const part = /^webgpu:(.+)$/s.exec(spec)?.[1];
  if (part === undefined) {
    throw new DeviceError(
      'unknown-device',
      `there is no device "${spec}"; use auto, native, webgpu, webgpu:<part of the name> or webgpu:pci-<address> (see tacet devices)`,
    );
  }
  if (!best) throw noDevice(present);
  const { adapter, why } = namedAdapter(part, ranked, present);
  return webgpu(adapter, present, why);
}

/**
 * Chooses several devices.
 *
 * @param list specifications as {@link chooseDevice} takes them, with commas between; `all` means every hardware
 *   adapter, each card once, or where there is none what `auto` means
 * @returns in the order of the list; the native engine as often as it is named, since its threads can be shared out
 * @throws {DeviceError} as {@link chooseDevice}; `same-card` when two specifications mean one card
 *
 * @example expandDevices('all', present).map(({ spec }) => spec) // ['webgpu:pci-0000:17:00.0', 'webgpu:pci-0000:65:00.0']
 */
export function expandDevices(list: string, present: Present): Choice[] {
  // Names of adapters may hold commas: only one that comes before a new specification separates.
  const specs = list.split(/\s*,\s*(?=(?:all|auto|native|webgpu)(?:[:,\s]|$))/).map((spec) => spec.trim());
  const chosen: Choice[] = [];
  for (const spec of specs) {
    const added = spec === 'all' ? everyCard(present) : [chooseDevice(spec, present)];
    for (const choice of added) {
      const other = chosen.find((earlier) => isSameCard(earlier, choice));
      if (other && spec !== 'all') {
        throw new DeviceError(
          'same-card',
          `devices "${list}": "${spec}" is the card of "${other.spec}" again; name each card once`,
        );
      }
      if (!other) chosen.push(choice);
    }
  }
  return chosen;
}

function everyCard(present: Present): Choice[] {
  const cards: PresentAdapter[] = [];
  for (const adapter of rankAdapters(present.adapters)) {
    if (isSoftwareAdapter(adapter)) continue;
    if (!adapter.identity && cards.some(({ name }) => name === adapter.name)) {
      throw new DeviceError(
        'unknown-device',
        `several adapters are called "${adapter.name}", and ${undistinguished(present)}; name "webgpu:${adapter.name}" to use the first of them`,
      );
    }
    if (!cards.some((card) => isSameCard(asDevice(card), asDevice(adapter)))) cards.push(adapter);
  }
  if (cards.length === 0) return [chooseDevice('auto', present)];
  return cards.map((card) => webgpu(card, present, 'every hardware adapter'));
}

/** What {@link isSameCard} compares: a device's info, or a choice. */
export type CardOwner = Pick<DeviceInfo, 'kind' | 'name' | 'identity'>;

/**
 * True when two WebGPU devices are one card, maybe under two drivers. Where that can't be known, the same name counts
 * as the same card. Never true of the native engine, whose threads can be shared out.
 */
export function isSameCard(a: CardOwner, b: CardOwner): boolean {
  if (a.kind !== 'webgpu' || b.kind !== 'webgpu') return false;
  const [one, other] = [a.identity?.pciAddress, b.identity?.pciAddress];
  if (one !== undefined && other !== undefined) return one === other;
  return isSameAdapter(a, b);
}

function asDevice(adapter: PresentAdapter): CardOwner {
  return { kind: 'webgpu', ...adapter };
}

/** The same card under the same driver. */
function isSameAdapter(a: PresentAdapter, b: PresentAdapter): boolean {
  if (!a.identity || !b.identity) return a.name === b.name;
  return a.name === b.name && a.identity.uuid === b.identity.uuid && a.identity.copy === b.identity.copy;
}

/** An adapter's identity in words, for listings and errors. */
export function describeIdentity(identity: AdapterIdentity | undefined): string {
  if (!identity) return 'known by its name only';
  const { uuid, copy, pciAddress } = identity;
  const place = copy > 1 ? `, number ${copy} of that UUID` : '';
  return `${pciAddress === undefined ? '' : `PCI ${pciAddress}, `}UUID ${uuid}${place}`;
}

/** The adapter that the part of a specification behind `webgpu:` means. */
function namedAdapter(
  part: string,
  ranked: readonly PresentAdapter[],
  present: Present,
): { adapter: PresentAdapter; why: string } {
  const address = /^pci-(?:([0-9a-f]{1,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i.exec(part);
  if (address) {
    // nvidia-smi writes domains with eight digits, and many leave the only one out.
    const domain = Number.parseInt(address[1] ?? '0', 16)
      .toString(16)
      .padStart(4, '0');
    const full = `${domain}:${address[2]}`.toLowerCase();
    const adapter = ranked.find(({ identity }) => identity?.pciAddress === full);
    if (adapter) return { adapter, why: `at PCI address ${full}` };
    throw new DeviceError('unknown-device', `no adapter is at PCI address ${full}; ${whatThereIs(present)}`);
  }
  const named = adaptersOfName(part, ranked);
  const numbered = /^(.+)#(\d+)$/s.exec(part);
  if (named.length === 0 && numbered) {
    const [, name = '', digits = ''] = numbered;
    const twins = adaptersOfName(name, ranked);
    const adapter = twins[Number(digits) - 1];
    if (adapter && isFirstToBeSeen(adapter, twins)) return { adapter, why: `number ${digits} of "${name}"` };
    const many = adapter ? undistinguished(present) : `${twins.length} of the adapters here match "${name}"`;
    throw new DeviceError('unknown-device', `there is no "webgpu:${part}": ${many}; ${whatThereIs(present)}`);
  }
  const [adapter, ...others] = named;
  if (!adapter) {
    throw new DeviceError('unknown-device', `no adapter's name contains "${part}"; ${whatThereIs(present)}`);
  }
  if (others.some((other) => !isSameCard(asDevice(adapter), asDevice(other)))) {
    const specs = named.map((one) => `"${specOf(one, present.adapters)}"`);
    throw new DeviceError('unknown-device', `"webgpu:${part}" could be ${specs.join(' or ')}: name one`);
  }
  return { adapter, why: `its name contains "${part}"` };
}

/** Adapters of exactly this name, else those whose name contains it; any case. */
function adaptersOfName(name: string, adapters: readonly PresentAdapter[]): PresentAdapter[] {
  const wanted = name.toLowerCase();
  const exact = adapters.filter((adapter) => adapter.name.toLowerCase() === wanted);
  return exact.length > 0 ? exact : adapters.filter((adapter) => adapter.name.toLowerCase().includes(wanted));
}

/** Of adapters without identities, the first of each name is the one that can be opened. */
function isFirstToBeSeen(adapter: PresentAdapter, adapters: readonly PresentAdapter[]): boolean {
  return adapter.identity !== undefined || adapters.find(({ name }) => name === adapter.name) === adapter;
}

function undistinguished({ withoutIdentity }: Present): string {
  return `adapters of the same name can't be told apart (${withoutIdentity ?? 'no identities'})`;
}

function whatThereIs({ adapters }: Present): string {
  const specs = rankAdapters(adapters).map((adapter) => `"${specOf(adapter, adapters)}"`);
  return `there is ${[...new Set(specs)].join(', ')} (see tacet devices)`;
}

function native(why: string): Choice {
  return { kind: 'native', spec: 'native', name: '', software: false, why };
}

function webgpu(adapter: PresentAdapter, { adapters }: Present, why: string): Choice {
  const software = isSoftwareAdapter(adapter);
  return { kind: 'webgpu', spec: specOf(adapter, adapters), ...adapter, software, why };
}

function noDevice({ withoutSoftware }: Present): DeviceError {
  const software = withoutSoftware === undefined ? '' : ` (SwiftShader: ${withoutSoftware})`;
  return new DeviceError(
    'no-device',
    `no WebGPU adapter: install a graphics driver with Vulkan (Mesa 25 or later has llvmpipe), or use --devices native${software}`,
  );
}
