/** `tacet devices`: what could run kernels on this machine, and which one a search would use. */
import { Command } from 'commander';
import { type DeviceInfo, type DeviceListing, describeIdentity, listDevices } from '../device/index.ts';
import { formatCount } from './format.ts';
import { printJson } from './json-lines.ts';
import { jsonOption } from './options.ts';

const EXAMPLES = `
Examples:
  tacet devices
  tacet devices --json
  tacet search mnist-stdp --devices all
  tacet search mnist-stdp --devices webgpu:pci-0000:65:00.0,webgpu:llvmpipe`;

export function devicesCommand(): Command {
  return new Command('devices')
    .description('list what can run kernels here, and which one a search uses')
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const listings = await listDevices();
      if (json) for (const listing of listings) printJson(deviceJson(listing));
      else process.stdout.write(`${listings.map(deviceText).join('\n\n')}\n${conclusion(listings)}`);
    });
}

function deviceJson({ spec, info, absent, openedBy, chosen }: DeviceListing): object {
  return {
    kind: 'device',
    spec,
    present: info !== undefined,
    ...(info === undefined ? { reason: absent } : { info, openedBy }),
    usedByDefault: chosen !== undefined,
    ...(chosen === undefined ? {} : { reason: chosen }),
  };
}

function deviceText({ spec, info, absent, openedBy }: DeviceListing): string {
  if (info === undefined) return `${spec}\n  absent: ${absent}`;
  const { limits } = info;
  const lines = [
    `${info.name}`,
    `  --devices "${spec}"`,
    `  ${kindOf(info)}; vendor ${info.vendor}; backend ${info.backend}; driver ${info.driver}`,
    `  ${[...cardOf(info), ...(openedBy === undefined ? [] : [`opened by ${openedBy}`])].join('; ')}`,
    `  buffers up to ${formatBytes(limits.maxBufferBytes)}, bindings up to ${formatBytes(limits.maxBindingBytes)}`,
  ];
  // The native engine's launches have no workgroups.
  if (info.kind === 'webgpu') {
    lines.push(
      `  workgroups of up to ${formatCount(limits.maxWorkgroupSize)} invocations with ${formatBytes(limits.maxWorkgroupBytes)} of memory`,
    );
  }
  lines.push(`  features: ${info.features.join(', ') || 'none of those that matter'}`);
  return lines.join('\n');
}

/** What is known of the card itself. */
function cardOf({ kind, identity, memoryBytes }: DeviceInfo): string[] {
  const type =
    kind === 'native' || identity === undefined || identity.type === 'software' ? [] : [identity.type];
  const which = identity ? [describeIdentity(identity)] : [];
  return [...type, ...which, ...(memoryBytes === undefined ? [] : [`${formatBytes(memoryBytes)} of memory`])];
}

function kindOf({ kind, software }: DeviceInfo): string {
  if (kind === 'native') return 'native engine';
  return software ? 'WebGPU adapter in software' : 'WebGPU adapter';
}

function conclusion(listings: readonly DeviceListing[]): string {
  const used = listings.find((listing) => listing.chosen !== undefined);
  if (!used) return '\nA search finds no device here.\n';
  return `\nA search uses ${used.info?.name ?? used.spec} unless --devices says otherwise: ${used.chosen}.\n`;
}

/** Bytes in binary units, three digits. */
function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${Number((bytes / 1024 ** unit).toPrecision(3))} ${units[unit]}`;
}
