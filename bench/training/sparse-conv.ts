/**
 * A training image through SLAYER's convolutional network, which computes where spikes are, and what the products of a
 * dense computation alone would cost: forward, to the weights' gradients, and back to the input, of every layer at every
 * step, as products of matrices by the same engine, without gathering patches and without neurons. It flatters the dense
 * side.
 */
import { loadMnist } from '../../src/data/mnist.ts';
import { encodeStruct, structLayout } from '../../src/device/contract.ts';
import { type Device, openDevice } from '../../src/device/index.ts';
import { NativeSlayer } from '../../src/learning/slayer/native.ts';
import { slayerSizes } from '../../src/learning/slayer/network.ts';
import { type SlayerTrainingParameters, trainSlayer } from '../../src/learning/slayer/train.ts';
import { median } from '../statistics.ts';

/** A recorded configuration (test accuracy 0.9355) whose first convolution has 3 % of its sites spike in a step. */
const CONFIGURATION: SlayerTrainingParameters = {
  train_size: 1,
  epochs: 1,
  batch_size: 20,
  frames: 64,
  rate_true: 0.86182,
  rate_false: 0.029484,
  c1_filters: 19,
  c2_filters: 9,
  c1_k: 4,
  c2_k: 9,
  tau_grad: 0.0054167,
  scale_grad: 0.34145,
  threshold: 6.3467,
  threshold_step: 0.39995,
  current_decay: 0.26465,
  voltage_decay: 0.072974,
  threshold_decay: 0.20949,
  refractory_decay: 0.49349,
  dropout: 0.010146,
  learning_rate: 0.022893,
  mu: 0.97183,
  gamma: 0.97834,
};

const IMAGES = 320;

export interface Cost {
  readonly ms: number;
  readonly processorMs: number;
}

export interface SparseConv {
  readonly device: string;
  /** An image's, ms: by the clock, and of all threads together, which says more where other work runs. */
  readonly sparse: Cost;
  readonly dense: Cost;
  /** Multiply-adds of an image's dense products. */
  readonly denseMultiplyAdds: number;
  /** Share of sites and steps that spike: input, conv, pool, conv, pool. */
  readonly spiking: readonly number[];
}

export async function sparseConv(threads: number, repetitions: number): Promise<SparseConv> {
  const { pixels, pixelsPerImage, labels } = loadMnist('train');
  const data = {
    images: { pixels, pixelsPerImage },
    labels,
    train: Array.from({ length: IMAGES }, (_, index) => index),
    test: [0],
  };
  const moments: number[] = [];
  const processor = process.cpuUsage();
  const outcome = await trainSlayer(new NativeSlayer(threads), data, CONFIGURATION, {
    seed: 1,
    // The network is to run whatever it does at first.
    beta: 1,
    onProgress: () => moments.push(performance.now()),
  });
  const perBatch = moments.slice(1).map((moment, index) => moment - (moments[index] as number));
  const used = process.cpuUsage(processor);
  const sparse = {
    ms: median(perBatch) / CONFIGURATION.batch_size,
    processorMs: (used.user + used.system) / 1000 / IMAGES,
  };
  const { frames, c1_filters, c2_filters } = CONFIGURATION;
  const { sides, fanIns, outputs } = slayerSizes(CONFIGURATION);
  const sites = [28 * 28, ...sides.map((side, l) => side * side * (l < 2 ? c1_filters : c2_filters))];
  const spikes = outcome.train.at(-1)?.spikes ?? [];
  await using device = await openDevice('native', { threads });
  const dense = { ms: 0, processorMs: 0 };
  let denseMultiplyAdds = 0;
  for (const [l, fanIn] of fanIns.entries()) {
    // Outputs at all steps, as one product; the last layer is all to all.
    const rows = frames * (l === 2 ? 1 : (sides[2 * l] as number) ** 2);
    const columns = outputs[l] as number;
    const products = [
      { rows, inner: fanIn, columns },
      { rows: fanIn, inner: rows, columns, aTransposed: true },
      // Nothing goes back to the image.
      ...(l === 0 ? [] : [{ rows, inner: columns, columns: fanIn, bTransposed: true }]),
    ];
    for (const product of products) {
      const { ms, processorMs } = await timeProduct(device, product, repetitions);
      dense.ms += ms;
      dense.processorMs += processorMs;
      denseMultiplyAdds += product.rows * product.inner * product.columns;
    }
  }
  const spiking = sites.map((count, layer) => (spikes[layer] ?? 0) / (count * frames));
  return { device: device.info.name, sparse, dense, denseMultiplyAdds, spiking };
}

interface Product {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly aTransposed?: boolean;
  readonly bTransposed?: boolean;
}

/** The median cost of a product of matrices. */
async function timeProduct(device: Device, product: Product, repetitions: number): Promise<Cost> {
  const { rows, inner, columns, aTransposed = false, bTransposed = false } = product;
  const kernel = await device.kernel('surrogate_matmul');
  const make = (length: number, label: string) => {
    const buffer = device.createBuffer(4 * Math.max(4, length), label);
    device.write(buffer, 0, new Float32Array(length).fill(0.5));
    return buffer;
  };
  using sizes = device.createBuffer(16, 'sizes');
  device.write(sizes, 0, Uint32Array.of(rows, inner, columns));
  using a = make(rows * inner, 'a');
  using b = make(inner * columns, 'b');
  using c = make(rows * columns, 'c');
  const params = encodeStruct(structLayout(kernel.contract, 'Params'), {
    slots: 1,
    a_transposed: Number(aTransposed),
    a_at: 0,
    a_slot: 0,
    a_row: aTransposed ? rows : inner,
    b_transposed: Number(bTransposed),
    b_at: 0,
    b_slot: 0,
    b_row: bTransposed ? inner : columns,
    c_at: 0,
    c_slot: 0,
    c_row: columns,
    accumulate: 0,
  });
  const groups = [Math.ceil(columns / 32), Math.ceil(rows / 32), 1] as const;
  const times: number[] = [];
  const processor: number[] = [];
  for (let r = 0; r <= repetitions; r++) {
    const began = performance.now();
    const before = process.cpuUsage();
    device.run([{ kernel, params, buffers: { sizes, a, b, c }, workgroups: groups }]);
    await device.read(c, 0, 16);
    times.push(performance.now() - began);
    const { user, system } = process.cpuUsage(before);
    processor.push((user + system) / 1000);
  }
  // The first one compiles.
  return { ms: median(times.slice(1)), processorMs: median(processor.slice(1)) };
}
