/**
 * Graphics cards that predictions can be made for: what their makers and measurements of others say of them. None of
 * these figures was measured here; tables of the makers were read in public copies, and what nobody was found to have
 * measured or published for the very card is called an estimate.
 *
 * Memory bandwidth and arithmetic are the data sheets' peaks. What a copy and a chain of multiply-adds reach of a peak is
 * taken as 85 % and 80 % for all (`REACHED`): estimates, as others found these shares:
 *
 * - copies: A100 85 %, L40 88 %, H100 PCIe 84 %, H200 71 % (gpu-benches); an H100 SXM 60 % (the study cited below);
 *   reads: 4090 86 to 91 %, M3 Max 90 to 96 % (clpeak)
 * - multiply-adds: A100 99 % (nvbench of xytpai), 4090 86 to 93 % (clpeak, at 248 W), M3 Max 49 % (clpeak, by OpenCL)
 */
import { BenchError } from './errors.ts';

export interface Card {
  readonly name: string;
  readonly title: string;
  /** Peak of the memory, GB/s. */
  readonly memoryGbPerSecond: number;
  /** f32 without tensor cores, multiply-adds counted as two, TFLOP/s. */
  readonly teraflops: number;
  /** Second-level cache, MiB, and what it delivers to reads of as much as fits well, GB/s. */
  readonly cacheMib: number;
  readonly cacheGbPerSecond: number;
  /** Multiprocessors or cores: workgroups that run at the same time at full rate, at least. */
  readonly units: number;
  /** One launch after another in a list, µs, by the interface of the maker: WebGPU may take longer. */
  readonly launchUs: number;
  readonly sources: readonly string[];
}

/** Share of a peak that the simplest kernels reach. */
export const REACHED = { memory: 0.85, arithmetic: 0.8 } as const;

const DISPATCH =
  'Launches of WebGPU: no measurement on the device was found; Maczan 2026, arXiv 2604.02344, finds 24 to 36 µs of API overhead each on Vulkan and 32 to 71 µs on Metal, which is left out';

export const CARDS: readonly Card[] = [
  {
    name: 'h100',
    title: 'NVIDIA H100 SXM',
    memoryGbPerSecond: 3350,
    teraflops: 67,
    cacheMib: 50,
    cacheGbPerSecond: 9700,
    units: 132,
    launchUs: 2.5,
    sources: [
      'NVIDIA H100 data sheet, as copied by HPC Tech (3,350 GB/s, 67 TFLOPS FP32, 132 SMs, L2 of 50 MB)',
      'cache: an estimate, 9.7 TB/s of an H200 (the same GPU with other memory) in gpu-benches (te42kyfo, GitHub); there an H100 PCIe has 6.9 TB/s',
      'launch: an estimate, 2.5 µs a small kernel in a stream of CUDA on an H200 (gpu-benches)',
      DISPATCH,
    ],
  },
  {
    name: 'a100',
    title: 'NVIDIA A100 SXM, 80 GB',
    memoryGbPerSecond: 2039,
    teraflops: 19.5,
    cacheMib: 40,
    cacheGbPerSecond: 5400,
    units: 108,
    launchUs: 2.6,
    sources: [
      'NVIDIA A100 data sheet and Ampere whitepaper, as copied by G. Lockwood (2,039 GB/s, 19.5 TFLOPS FP32, 108 SMs) and TechPowerUp (L2 of 40 MB)',
      'gpu-benches (te42kyfo, GitHub) on this card: 5.4 TB/s of L2 for up to 26 MB (2.5 TB/s for 40 MB)',
      'launch: gpu-benches on this card, a small kernel in a stream of CUDA (1.4 µs in a CUDA graph); an estimate for other interfaces',
      DISPATCH,
    ],
  },
  {
    name: '4090',
    title: 'NVIDIA GeForce RTX 4090',
    memoryGbPerSecond: 1008,
    teraflops: 82.6,
    cacheMib: 72,
    cacheGbPerSecond: 4900,
    units: 128,
    launchUs: 1.6,
    sources: [
      'NVIDIA GeForce RTX 4090 specifications, as copied by The FPS Review (1,008 GB/s; 16,384 lanes at 2.52 GHz make 82.6 TFLOPS) and Chips and Cheese, "Microbenchmarking Nvidia\'s RTX 4090" (128 SMs)',
      'cache: cuda_microbenchmark (smallscientist1, GitHub), 72 MB, 4.9 TB/s by asynchronous copies and 3.9 TB/s by volatile loads',
      'launch: an estimate, 1.6 µs a small kernel in a stream of CUDA on an L40 (the same chip, 142 SMs) in gpu-benches (te42kyfo, GitHub)',
      DISPATCH,
    ],
  },
  {
    name: 'm3-max',
    title: 'Apple M3 Max, 40 cores',
    memoryGbPerSecond: 400,
    teraflops: 14.1,
    cacheMib: 48,
    cacheGbPerSecond: 800,
    units: 40,
    launchUs: 1.3,
    sources: [
      'Apple, MacBook Pro (16-inch, Nov 2023) Tech Specs (400 GB/s, 40 GPU cores)',
      'arithmetic: an estimate, as Apple gives none: 128 lanes a core at 1.38 GHz (powermetrics, issue 4 of applegpuinfo, GitHub)',
      'cache: an estimate, as no measurement was found: the system-level cache, 48 MB by applegpuinfo, with twice the bandwidth of the memory as on an M1 (Chips and Cheese, "iGPU Cache Setups Compared, Including M1", as listed in cpu-gpu-arch of StarBeat, GitHub)',
      'launch: an estimate, 1.2 to 1.3 µs a dispatch in one command buffer of Metal (infr, pull requests 4 and 14, GitHub), on an M3 Pro by what others of its pull requests say',
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
