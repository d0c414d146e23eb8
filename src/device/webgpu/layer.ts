/**
 * Choosing a card by its identity, and proving it: Tacet's Vulkan layer, which is part of the native addon.
 *
 * Dawn selects by name. The layer stands between Dawn and the Vulkan drivers and hides every card but the chosen one
 * from the thread that chose it. Dawn enumerates within the call of `requestAdapter`, on the calling thread, so
 * threads do not disturb each other. Other ways and why not: docs/devices.md.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { cacheFolder, writeWhole } from '../../cache.ts';
import { describeIdentity, type PresentAdapter } from '../choice.ts';
import { type AdapterIdentity, DeviceError } from '../device.ts';
import { addonFile, loadAddon, type NativeVulkanCard } from '../native/addon.ts';

const LAYER = 'VK_LAYER_TACET_placement';

/** Why there are no identities though the layer is in place. */
export const LAYER_NOT_LOADED = `the Vulkan loader did not load Tacet's layer ${LAYER}; VK_LOADER_DEBUG=layer in the environment tells why`;

/** Where the Vulkan loader looks for layers by itself; naming a folder in VK_LAYER_PATH would replace these. */
const STANDARD_FOLDERS = ['/etc', '/usr/local/share', '/usr/share'].map(
  (at) => `${at}/vulkan/explicit_layer.d`,
);

/**
 * Puts the layer in place for all Vulkan instances that this process makes from now on, in any thread. The
 * environment of a process belongs to its main thread, so that one must have called this first.
 *
 * @returns why it can't be; undefined when it is in place
 */
export function installLayer(): string | undefined {
  if (process.platform !== 'linux') return `${process.platform} gives no way to choose among them`;
  try {
    loadAddon();
    if (isInstalled()) return undefined;
    if (!isMainThread) return 'call prepareVulkan() in the main thread before this thread starts';
    const folder = manifestFolder();
    writeManifest(folder);
    const layers = listed(process.env.VK_INSTANCE_LAYERS).filter((layer) => layer !== LAYER);
    const path = process.env.VK_LAYER_PATH;
    process.env.VK_LAYER_PATH = [folder, ...(path === undefined ? STANDARD_FOLDERS : listed(path))].join(':');
    process.env.VK_INSTANCE_LAYERS = [...layers, LAYER].join(':');
    return undefined;
  } catch (failure) {
    return failure instanceof Error ? failure.message : String(failure);
  }
}

/** True where the main thread, or the process that started this one, has put the layer of this very addon in place. */
function isInstalled(): boolean {
  const { VK_INSTANCE_LAYERS, VK_LAYER_PATH } = process.env;
  if (!listed(VK_INSTANCE_LAYERS).includes(LAYER)) return false;
  return listed(VK_LAYER_PATH).includes(manifestFolder());
}

function listed(variable: string | undefined): string[] {
  return variable?.split(':').filter((entry) => entry !== '') ?? [];
}

/** The folder by which the Vulkan loader finds the addon; one for each place of the addon. */
function manifestFolder(): string {
  const key = createHash('sha256').update(addonFile()).digest('hex').slice(0, 16);
  return join(cacheFolder(), `vulkan-layer-${key}`);
}

function writeManifest(folder: string): void {
  const manifest = JSON.stringify({
    file_format_version: '1.2.0',
    layer: {
      name: LAYER,
      type: 'GLOBAL',
      library_path: addonFile(),
      api_version: '1.3.0',
      implementation_version: '1',
      description: 'Shows each thread of Tacet the card that it has chosen',
      functions: { vkNegotiateLoaderLayerInterfaceVersion: 'tacet_vulkan_negotiate' },
    },
  });
  const path = join(folder, 'tacet_placement.json');
  if (!existsSync(path) || readFileSync(path, 'utf8') !== manifest) writeWhole(path, manifest);
}

/** What the layer saw when Dawn last looked for adapters in this thread; empty when the layer was not there. */
export function seenAdapters(): readonly SeenAdapter[] {
  return installLayer() === undefined ? loadAddon().vulkanCards().map(seen) : [];
}

/** An adapter with what only Vulkan knows of it. */
export interface SeenAdapter extends PresentAdapter {
  readonly identity: AdapterIdentity;
  /** Of the card itself, bytes. */
  readonly memoryBytes: number;
  readonly shown: boolean;
}

function seen({ name, uuid, copy, pciAddress, kind, memoryBytes, shown }: NativeVulkanCard): SeenAdapter {
  const address = pciAddress === undefined ? {} : { pciAddress };
  return { name, identity: { uuid, copy, ...address, type: kind }, memoryBytes, shown };
}

/**
 * Calls `look`, which must enumerate the adapters before it returns, with no card to be seen but this one, and proves
 * that it was so.
 *
 * @returns what `look` returned, and the adapter as the layer saw it
 * @throws {DeviceError} `wrong-card` when the card was not there or not alone
 */
export function lookAtOnly<T>(
  adapter: PresentAdapter & { readonly identity: AdapterIdentity },
  look: () => T,
): { readonly result: T; readonly card: SeenAdapter } {
  const { name, identity } = adapter;
  const asked = `${name} (${describeIdentity(identity)})`;
  const missing = installLayer();
  if (missing !== undefined) throw new DeviceError('wrong-card', `can't choose ${asked}: ${missing}`);
  const addon = loadAddon();
  addon.showOnlyVulkanCard(identity.uuid, identity.copy);
  try {
    const result = look();
    const [card, ...others] = seenAdapters().filter(({ shown }) => shown);
    if (!card) {
      throw new DeviceError(
        'wrong-card',
        `asked for ${asked}, but nothing tells which card it is: ${LAYER_NOT_LOADED}`,
      );
    }
    const right = card.identity.uuid === identity.uuid && card.identity.copy === identity.copy;
    if (!right || others.length > 0 || card.name !== name) {
      const got = [card, ...others].map((one) => `${one.name} (${describeIdentity(one.identity)})`);
      throw new DeviceError('wrong-card', `asked for ${asked}, got ${got.join(' and ')}`);
    }
    return { result, card };
  } finally {
    addon.showAllVulkanCards();
  }
}
