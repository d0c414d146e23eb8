/** What a batch costs, of a network whose sizes are counted by hand. */
import { expect, it } from 'vitest';
import { batchCosts } from '../../../src/learning/surrogate/batch-costs.ts';
import { description, neuron } from './networks.ts';

it('counts the synapses and the neurons of padded convolutions and of pools as they are trained', () => {
  const network = description(
    [
      // 4 x 4 -> 4 x 4 x 2: 32 neurons of 9 synapses.
      { kind: 'conv', channels: 2, kernel: 3, padding: 1, neuron: neuron() },
      // A pool's stride is 1: 3 x 3 x 2, 18 neurons of 4 synapses.
      { kind: 'pool', kernel: 2, neuron: neuron() },
      { kind: 'dense', neurons: 3, neuron: neuron() },
    ],
    { loss: { kind: 'rate-mse', rateTrue: 0.5, rateFalse: 0.1 } },
  );
  const [steps, samples] = [5, 7];
  // A sample's: of the input, and of each layer.
  const [received, first, second] = [6, 10, 4];
  const report = { samples, inputSpikes: received, layerSpikes: [first, second, 1] };
  const costs = batchCosts(network, { steps, shape: [4, 4, 1], classes: 3 }, [report], true);
  const sums = received * ((32 * 9) / 16) + first * ((18 * 4) / 32) + second * 3;
  expect(costs.surrogate_forward?.operations).toBe(samples * (sums + 10 * (32 + 18 + 3) * steps));
  // Weights of the convolution and of the dense layer: a pool learns none.
  const learned = 2 * 9 + 18 * 3;
  expect(costs.surrogate_update?.operations).toBe(15 * learned);
});
