/**
 * Graphics cards that predictions can be made for: what their makers and measurements of others say of them. None of
 * these figures was measured here.
 *
 * Memory bandwidth and arithmetic are the data sheets' peaks. What a copy and a chain of multiply-adds reach of a peak is
 * taken as 90 % and 80 % (`REACHED`), as published measurements by simple kernels find on these cards.
 */
import { BenchError } from './errors.ts';

export interface Card {
  readonly name: string;
  readonly title: string;
  /** Peak of the memory, GB/s. */
  readonly memoryGbPerSecond: number;
  /** f32 without tensor cores, multiply-adds counted as two, TFLOP/s. */
  readonly teraflops: number;
  /** Second-level cache, MiB, and what it delivers, GB/s: measured by others, or five times the memory where not known. */
  readonly cacheMib: number;
  readonly cacheGbPerSecond: number;
  /** Multiprocessors or cores: workgroups that run at the same time at full rate, at least. */
  readonly units: number;
  /** From a word in the second-level cache to the one that depends on it, ns. */
  readonly latencyNs: number;
  /** One launch after another in a list, µs. */
  readonly launchUs: number;
  readonly sources: readonly string[];
}

/** Share of a peak that the simplest kernels reach. */
export const REACHED = { memory: 0.9, arithmetic: 0.8 } as const;

const DISPATCH =
  'Maczan 2026, arXiv 2604.02344 (24 to 36 µs of API a dispatch on Vulkan, hidden in a list; a few µs stay)';

export const CARDS: readonly Card[] = [
  {
    name: 'h100',
    title: 'NVIDIA H100 SXM',
    memoryGbPerSecond: 3350,
    teraflops: 67,
    cacheMib: 50,
    cacheGbPerSecond: 5500,
    units: 132,
    latencyNs: 150,
    launchUs: 5,
    sources: [
      'NVIDIA H100 Tensor Core GPU data sheet (3.35 TB/s, 67 TFLOPS FP32, 132 SMs)',
      'Chips and Cheese, "Nvidia\'s H100" (2023): L2 of 50 MB, 5.5 to 6 TB/s, about 260 cycles',
      DISPATCH,
    ],
  },
  {
    name: 'a100',
    title: 'NVIDIA A100 SXM, 80 GB',
    memoryGbPerSecond: 2039,
    teraflops: 19.5,
    cacheMib: 40,
    cacheGbPerSecond: 4500,
    units: 108,
    latencyNs: 145,
    launchUs: 5,
    sources: [
      'NVIDIA A100 data sheet (2,039 GB/s, 19.5 TFLOPS FP32, 108 SMs, L2 of 40 MB)',
      'Abdelkhalik et al. 2022, "Demystifying the Nvidia Ampere architecture", arXiv 2208.11174 (L2 hit about 200 cycles)',
      DISPATCH,
    ],
  },
  {
    name: '4090',
    title: 'NVIDIA GeForce RTX 4090',
    memoryGbPerSecond: 1008,
    teraflops: 82.6,
    cacheMib: 72,
    cacheGbPerSecond: 5000,
    units: 128,
    latencyNs: 110,
    launchUs: 4,
    sources: [
      'NVIDIA Ada GPU architecture whitepaper (1,008 GB/s, 82.6 TFLOPS FP32, 128 SMs, L2 of 72 MB)',
      'Chips and Cheese, "Microbenchmarking Nvidia\'s RTX 4090" (2022): L2 of about 5 TB/s',
      DISPATCH,
    ],
  },
  {
    name: 'm3-max',
    title: 'Apple M3 Max, 40 cores',
    memoryGbPerSecond: 400,
    teraflops: 14.2,
    cacheMib: 48,
    cacheGbPerSecond: 1000,
    units: 40,
    latencyNs: 250,
    launchUs: 10,
    sources: [
      'Apple, M3 Max (400 GB/s, 40 GPU cores); 128 lanes a core at about 1.38 GHz make 14.2 TFLOPS',
      'cache: an estimate from its system-level cache; no measurement that was read',
      DISPATCH,
    ],
  },
];

/** @throws {BenchError} `bad-input` listing the cards there are */
export function cardOf(name: string): Card {
  const card = CARDS.find((candidate) => candidate.name === name.toLowerCase());
  if (card) return card;
  throw new BenchError(
    'bad-input',
    `there is no card "${name}": give some of ${CARDS.map((one) => one.name).join(', ')}`,
  );
}
