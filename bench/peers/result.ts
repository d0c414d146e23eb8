/** What `bench/peers.ts` keeps of a comparison, for `bench/render-performance.ts`. */
import { z } from 'zod';

export const peerResult = z.object({
  name: z.string(),
  about: z.string(),
  /** Absent where nothing was run. */
  command: z.string().optional(),
  madeAt: z.string(),
  /** What was printed; or why nothing was run. */
  output: z.string(),
});

export type PeerResult = z.output<typeof peerResult>;
