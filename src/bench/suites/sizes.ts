/** Cases of `kernels`, `training` and `lyapunov` at other sizes: what predictions of a size are made from, and proved by. */
import type { BenchSuite } from '../suite.ts';
import { philoxWords, recurrent as recurrentNetworks, uniformWeights } from './kernels.ts';
import { allTangents, leadingTangents, tangentBatch, tangentEvents } from './lyapunov.ts';
import { convolutional, dense, recurrent } from './training.ts';

export const sizes: BenchSuite = {
  name: 'sizes',
  about: 'the kernels of kernels, training and lyapunov at other sizes, for predictions',
  timesKernels: true,
  cases: ({ info }) => {
    const slow = info.software;
    return [
      ...[4, 16].map((part) => philoxWords(`philox_words/${part}`, (slow ? 2 ** 25 : 2 ** 28) / part)),
      ...[2, 4].map((part) => uniformWeights(`uniform_weights/${part}`, (slow ? 4 : 32) / part)),
      ...[1000, 2000].map((neurons) =>
        recurrentNetworks(`recurrent_modes:${neurons}`, 'modes', neurons, slow ? 1000 : 10_000),
      ),
      ...[2000, 8000].flatMap((neurons) => [
        recurrentNetworks(`recurrent_network:${neurons}`, 'network', neurons, slow ? 200 : 4000),
        recurrentNetworks(`recurrent:scatter:${neurons}`, 'scatter', neurons, slow ? 100 : 1000),
        recurrentNetworks(`recurrent:gather:${neurons}`, 'gather', neurons, slow ? 20 : 200),
      ]),
      ...[128, 512].flatMap((neurons) => [
        dense(`training:dense:${neurons}`, info, neurons),
        recurrent(`training:recurrent:${neurons}`, info, neurons),
      ]),
      ...[8, 12].map((channels) => convolutional(`training:conv:${channels}`, info, channels)),
      ...[400, 1200].map((neurons) => allTangents(`tangents:all:${neurons}`, info, neurons)),
      ...[5000, 20_000].map((neurons) => leadingTangents(`tangents:leading:${neurons}`, info, neurons)),
      ...[8, 64].map((networks) => tangentBatch(`tangents:batch:${networks}`, info, networks)),
      ...[500, 2000].map((neurons) => tangentEvents(`tangents:events:${neurons}`, info, neurons)),
    ];
  },
};
