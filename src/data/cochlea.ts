/**
 * Sound to spikes: a gammatone filter bank, rectified and compressed, onto leaky integrate-and-fire neurons.
 *
 * 1. Mean away, root mean square to 0.1, cut or filled with silence to `durationMs`.
 * 2. Centre frequencies equally spaced in ERB rate E(f) = 21.4 log10(1 + 0.00437 f) (Glasberg and Moore 1990).
 * 3. Each channel is a complex pole a = exp(-2 pi b / fs) exp(2 pi i f / fs), b = 1.019 ERB(f), ERB(f) = 24.7 (4.37 f /
 *    1000 + 1), passed four times as z = (1 - |a|) input + a z: unit gain at f.
 * 4. The rectified output is averaged over a step of 1 ms, raised to `exponent` and multiplied by `gain`: the drive I.
 * 5. v = exp(-1 / tau) v + (1 - exp(-1 / tau)) I; a spike at v >= 1, then v = 0 for `refractoryMs` steps.
 *
 * The defaults give about 340 spikes for a spoken digit in 32 channels.
 */
import type { Sound } from './wav.ts';

export interface CochleaOptions {
  readonly channels?: number;
  readonly lowHz?: number;
  readonly highHz?: number;
  readonly durationMs?: number;
  readonly exponent?: number;
  readonly gain?: number;
  readonly tauMs?: number;
  readonly refractoryMs?: number;
}

/** Centre frequencies in Hz, ascending: channel 0 is the lowest. */
export function centreFrequencies(channels: number, lowHz: number, highHz: number): Float64Array {
  const rate = (f: number) => 21.4 * Math.log10(1 + 0.00437 * f);
  const [low, high] = [rate(lowHz), rate(highHz)];
  return Float64Array.from({ length: channels }, (_, c) => {
    const at = channels === 1 ? low : low + ((high - low) * c) / (channels - 1);
    return (10 ** (at / 21.4) - 1) / 0.00437;
  });
}

/** The rectified output of one channel, averaged over each ms: [ms]. */
function envelope(samples: Float64Array, rateHz: number, centreHz: number, durationMs: number): Float64Array {
  const bandwidthHz = 1.019 * 24.7 * ((4.37 * centreHz) / 1000 + 1);
  const radius = Math.exp((-2 * Math.PI * bandwidthHz) / rateHz);
  const angle = (2 * Math.PI * centreHz) / rateHz;
  const poleReal = radius * Math.cos(angle);
  const poleImaginary = radius * Math.sin(angle);
  const real = new Float64Array(4);
  const imaginary = new Float64Array(4);
  const found = new Float64Array(durationMs);
  const perMs = rateHz / 1000;
  for (let n = 0; n < Math.floor(durationMs * perMs); n++) {
    let inReal = samples[n] ?? 0;
    let inImaginary = 0;
    for (let stage = 0; stage < 4; stage++) {
      const zr = real[stage] as number;
      const zi = imaginary[stage] as number;
      inReal = (1 - radius) * inReal + poleReal * zr - poleImaginary * zi;
      inImaginary = (1 - radius) * inImaginary + poleReal * zi + poleImaginary * zr;
      real[stage] = inReal;
      imaginary[stage] = inImaginary;
    }
    const ms = Math.floor(n / perMs);
    found[ms] = (found[ms] as number) + Math.max(0, 2 * inReal) / perMs;
  }
  return found;
}

/**
 * Encodes a sound: for each step of 1 ms the channels that spike, ascending.
 *
 * @throws {RangeError} for channels or a duration below 1, or a highest frequency beyond half the sampling rate
 */
export function encodeSound(sound: Sound, options: CochleaOptions = {}): number[][] {
  const { channels = 32, lowHz = 80, highHz = 3600, durationMs = 1000 } = options;
  const { exponent = 0.3, gain = 10, tauMs = 20, refractoryMs = 5 } = options;
  if (!(channels >= 1 && durationMs >= 1))
    throw new RangeError(`${channels} channels, ${durationMs} ms: give at least 1`);
  if (!(lowHz > 0 && highHz >= lowHz && highHz <= sound.rateHz / 2)) {
    throw new RangeError(
      `frequencies from ${lowHz} to ${highHz} Hz: give 0 < lowHz <= highHz <= ${sound.rateHz / 2}`,
    );
  }
  const { length } = sound.samples;
  const mean = sound.samples.reduce((a, b) => a + b, 0) / Math.max(1, length);
  const power = sound.samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, length);
  const factor = power > 0 ? 0.1 / Math.sqrt(power) : 0;
  const samples = sound.samples.map((x) => (x - mean) * factor);
  const keep = Math.exp(-1 / tauMs);
  const steps = Array.from({ length: durationMs }, (): number[] => []);
  for (const [channel, centreHz] of centreFrequencies(channels, lowHz, highHz).entries()) {
    let v = 0;
    let blocked = 0;
    for (const [step, level] of envelope(samples, sound.rateHz, centreHz, durationMs).entries()) {
      if (blocked > 0) {
        blocked--;
        continue;
      }
      v = keep * v + (1 - keep) * gain * level ** exponent;
      if (v >= 1) {
        steps[step]?.push(channel);
        v = 0;
        blocked = refractoryMs;
      }
    }
  }
  return steps;
}
