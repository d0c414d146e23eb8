/**
 * How networks are advanced. Three ways have the same results:
 * - `network`: one workgroup (one task of the native engine) for each network, all steps in one launch
 * - `scatter`: one launch for each phase and step, by all workgroups; each spike adds its weights to its targets
 * - `gather`: the same, but each target reads all its synapses and looks whether their sources have spiked
 *
 * The last two are the two halves of what is known of sparse matrix-vector products with few nonzero elements: work by
 * spikes with atomic additions, or by synapses in order.
 *
 * The fourth, `modes`, is as `network` for networks of equal neurons that have exponential currents and delays of one
 * step, and several times as fast (`recurrent-modes.ts`). It rounds in other places: after the first spike that moves
 * by a step, a chaotic network goes another way.
 */
import type { DeviceInfo } from '../device/device.ts';
import type { CompiledNetwork } from './recurrent-network.ts';

export type PropagationMethod = 'network' | 'scatter' | 'gather' | 'modes';

/** Whether a launch takes whole networks and many steps. */
export function takesManySteps(method: PropagationMethod): boolean {
  return method === 'network' || method === 'modes';
}

/**
 * Neurons from which on a network is too large for one workgroup: 1,024 invocations with four neurons each are the most
 * that an adapter has.
 */
const LARGE_NETWORK = 4096;

/**
 * Share of neurons spiking in a step from which on gathering is cheaper. A scattered event reads 4 B and adds 4 B
 * atomically wherever it falls; a gathered synapse reads 4 B in order and a bit that mostly is in a cache. The former is
 * taken to cost as much as eight of the latter: an estimate, which no graphics card has confirmed yet.
 */
const DENSE_SPIKING = 1 / 8;

/**
 * Chooses the way for networks on a device that can't be computed by modes.
 *
 * @param spikingShare expected or measured share of neurons that spike in a step, see {@link spikingShare}; few when absent
 */
export function chooseMethod(
  info: Pick<DeviceInfo, 'kind'>,
  networks: readonly CompiledNetwork[],
  spikingShare = 0,
): PropagationMethod {
  // The native engine splits a large network among its threads by itself; rules of plasticity are in this kernel only.
  if (info.kind === 'native' || networks.some(learns)) return 'network';
  const large = networks.some(({ neurons }) => neurons > LARGE_NETWORK);
  if (!large) return 'network';
  return spikingShare < DENSE_SPIKING ? 'scatter' : 'gather';
}

/** Whether a network has rules of plasticity. */
export function learns({ synapses }: CompiledNetwork): boolean {
  return (synapses.plasticity?.length ?? 0) > 0;
}

/** Measured share of neurons that spike in a step, from the counts of some steps. */
export function spikingShare(counts: Uint32Array, steps: number): number {
  if (steps === 0 || counts.length === 0) return 0;
  return counts.reduce((sum, count) => sum + count, 0) / (steps * counts.length);
}
