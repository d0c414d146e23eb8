/** The worker of a profiled study: `src/study/worker.ts` on a device that records, which sends its recording at the end. */
import { costOfItems } from '../bench/diehl-cook-work.ts';
import { measureLatencies } from '../bench/roofs.ts';
import { openDevice } from '../device/index.ts';
import { uniformWeightsCost } from '../kernels/costs.ts';
import type { SlotRunner } from '../study/diehl-cook-slots.ts';
import { largestMap } from '../study/open-diehl-cook.ts';
import type { WorkerTask } from '../study/session.ts';

import { serve } from '../study/worker.ts';
import { ProfiledDevice, unixMs } from './profiled-device.ts';
import type { Recording } from './recording.ts';

/** What this worker says besides what all workers say. */
export interface ProfileMessage {
  readonly kind: 'profile';
  readonly recording: Recording;
}

export default function start(task: WorkerTask): void {
  let profiled: ProfiledDevice | undefined;
  void serve(
    task,
    (batch, _device, _port, { offsets, steps, inputs }) => {
      const sizes: number[] = [];
      const runner: SlotRunner = {
        place: (slot, network) => {
          sizes[slot] = network.neurons ?? 0;
          // All columns of a slot are drawn, whatever the size of its network.
          const columns = Math.ceil(largestMap(task.setup.networks) / 32) * 32;
          profiled?.addCosts({ uniform_weights: uniformWeightsCost(columns * inputs) });
          batch.place(slot, network);
        },
        run: async (items) => {
          const launched = batch.run(items);
          const startedMs = unixMs();
          // Until the thread comes to rest it reads the spikes of the chunk before.
          setImmediate(() => {
            profiled?.addSpan({
              name: 'decode the last chunk',
              startedMs,
              endedMs: unixMs(),
              computes: true,
            });
          });
          const results = await launched;
          profiled?.addCosts({ diehl_cook: costOfItems({ offsets, steps, inputs }, sizes, items, results) });
          return results;
        },
      };
      return runner;
    },
    async (choice, options) => {
      const inner = await openDevice(choice, { ...options, timing: 'sparing' });
      const latencies = await measureLatencies(inner);
      profiled = new ProfiledDevice(inner, latencies, (recording) => {
        const message: ProfileMessage = { kind: 'profile', recording };
        task.port.postMessage(message);
      });
      return profiled;
    },
    {
      // What was before is setting up.
      ready: () => profiled?.restart(),
      costs: (costs) => profiled?.addCosts(costs),
    },
  );
}
