/** Training of recurrent synapses by STDP before readouts are fitted: the network hears its task, then its weights are kept. */
import type { Device } from '../device/index.ts';
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { simulate } from '../network/simulate.ts';

/** Networks with the weights that their plasticity has come to after so long, without the plasticity. */
export async function trainedByStdp(
  device: Device,
  networks: readonly CompiledNetwork[],
  durationMs: number,
): Promise<CompiledNetwork[]> {
  const runs = await simulate(device, networks, { durationMs, record: { spikes: false, weights: true } });
  return runs.map(({ network, weights }) => withoutPlasticity(network, weights));
}

/** A network that learns nothing, with other weights where they are given. */
export function withoutPlasticity(network: CompiledNetwork, weights?: Float32Array): CompiledNetwork {
  const { plasticity: _, ...synapses } = network.synapses;
  return { ...network, synapses: { ...synapses, ...(weights ? { weights } : {}) } };
}
