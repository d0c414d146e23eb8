/**
 * Potentials and synaptic variables of neurons in continuous time, each advanced on its own: the exact solution of
 * tau dv/dt = R - v + sum of g, tau_s dg/dt = -g, and when it next reaches its threshold.
 */
import { currentPropagator } from '../kernels/recurrent-numbers.ts';
import type { EventNeurons } from './event-neurons.ts';

/** Bisections that take an interval of a step to the precision of a double. */
const BISECTIONS = 60;

export class Membranes {
  /** mV, [neuron] */
  readonly v: Float64Array;
  /** mV, [channel][neuron] */
  readonly g: Float64Array;
  readonly #neurons: EventNeurons;
  readonly #dtMs: number;
  /** What v and g stand at, ms from the start of the step. */
  readonly #time: Float64Array;
  /** Refractoriness left, ms; 0: free. */
  readonly #held: Float64Array;
  /** Over a whole step: leak of v, effect of g on v, decay of g; and v at the end where nothing comes in between. */
  readonly #leak: Float64Array;
  readonly #effect: Float64Array;
  readonly #decay: Float64Array;
  readonly #end: Float64Array;
  readonly #noise: Float64Array;

  constructor(neurons: EventNeurons, dtMs: number) {
    const { count, channels, tauMs, tauSynapseMs } = neurons;
    this.#neurons = neurons;
    this.#dtMs = dtMs;
    this.v = neurons.initialMv.slice();
    this.g = neurons.initialChannels.slice();
    this.#time = new Float64Array(count);
    this.#held = new Float64Array(count);
    this.#end = new Float64Array(count);
    this.#leak = tauMs.map((tau) => Math.exp(-dtMs / tau));
    this.#noise = neurons.noiseMv.map(
      (noise, i) => noise * Math.sqrt(-Math.expm1((-2 * dtMs) / (tauMs[i] as number))),
    );
    this.#effect = tauSynapseMs.map((tau, at) => currentPropagator(tau, tauMs[at % count] as number, dtMs));
    this.#decay = tauSynapseMs.map((tau) => Math.exp(-dtMs / tau));
    if (channels === 0) this.#effect.fill(0);
  }

  isHeld(i: number): boolean {
    return (this.#held[i] as number) > 0;
  }

  /** Standard deviation of what noise adds to v in a step, mV. */
  noiseOfStep(i: number): number {
    return this.#noise[i] as number;
  }

  /** A synapse's effect on neuron i at the time it stands at. Delta pulses on refractory neurons are dropped. */
  kick(i: number, channel: number, weight: number): void {
    if (channel >= 0) {
      const at = channel * this.#neurons.count + i;
      this.g[at] = (this.g[at] as number) + weight;
    } else if (!this.isHeld(i)) this.v[i] = (this.v[i] as number) + weight;
  }

  /** What a spike does to its neuron. */
  reset(i: number): void {
    const { subtracts, resetMv, thresholdMv, refractoryMs } = this.#neurons;
    this.v[i] =
      subtracts[i] === 0 ? (resetMv[i] as number) : (this.v[i] as number) - (thresholdMv[i] as number);
    this.#held[i] = refractoryMs[i] as number;
  }

  release(i: number): void {
    this.#held[i] = 0;
  }

  /** dv/dt, mV/ms, where the neuron is free. */
  slope(i: number): number {
    const { count, channels, restMv, tauMs } = this.#neurons;
    let drive = (restMv[i] as number) - (this.v[i] as number);
    for (let c = 0; c < channels; c++) drive += this.g[c * count + i] as number;
    return drive / (tauMs[i] as number);
  }

  /** A slope to which the tangents of a refractory neuron are referred, mV/ms. */
  referenceSlope(i: number): number {
    const { thresholdMv, resetMv, tauMs } = this.#neurons;
    return ((thresholdMv[i] as number) - (resetMv[i] as number)) / (tauMs[i] as number);
  }

  leakOver(i: number, ms: number): number {
    return Math.exp(-ms / (this.#neurons.tauMs[i] as number));
  }

  effectOver(i: number, channel: number, ms: number): number {
    const { count, tauMs, tauSynapseMs } = this.#neurons;
    return ms === 0
      ? 0
      : currentPropagator(tauSynapseMs[channel * count + i] as number, tauMs[i] as number, ms);
  }

  decayOver(i: number, channel: number, ms: number): number {
    const { count, tauSynapseMs } = this.#neurons;
    return Math.exp(-ms / (tauSynapseMs[channel * count + i] as number));
  }

  /** Advances a neuron to a time of this step, with no event of its own in between. */
  advance(i: number, time: number): void {
    const elapsed = time - (this.#time[i] as number);
    if (elapsed <= 0) return;
    this.#time[i] = time;
    const held = this.isHeld(i);
    if (!held) this.v[i] = this.#potentialAfter(i, elapsed);
    else this.#held[i] = Math.max(Number.MIN_VALUE, (this.#held[i] as number) - elapsed);
    const { count, channels } = this.#neurons;
    for (let c = 0; c < channels; c++) {
      const at = c * count + i;
      this.g[at] = (this.g[at] as number) * this.decayOver(i, c, elapsed);
    }
  }

  /** Advances all to the end of the step; they then stand at the start of the next. */
  finishStep(): void {
    const { count, channels } = this.#neurons;
    for (let i = 0; i < count; i++) {
      if (this.#time[i] !== 0) {
        this.advance(i, this.#dtMs);
      } else {
        if (this.isHeld(i))
          this.#held[i] = Math.max(Number.MIN_VALUE, (this.#held[i] as number) - this.#dtMs);
        else this.v[i] = this.#end[i] as number;
        for (let c = 0; c < channels; c++) {
          const at = c * count + i;
          this.g[at] = (this.g[at] as number) * (this.#decay[at] as number);
        }
      }
      this.#time[i] = 0;
    }
  }

  /** As {@link nextEvent}, for a neuron at the start of the step: computes its end, too. */
  firstEvent(i: number): number {
    if (this.isHeld(i)) return this.nextEvent(i);
    const { count, channels, restMv, thresholdMv } = this.#neurons;
    const rest = restMv[i] as number;
    const v = this.v[i] as number;
    let end = rest + (v - rest) * (this.#leak[i] as number);
    let drive = rest - v;
    let lastDrive = rest;
    for (let c = 0; c < channels; c++) {
      const at = c * count + i;
      const g = this.g[at] as number;
      end += g * (this.#effect[at] as number);
      drive += g;
      lastDrive += g * (this.#decay[at] as number);
    }
    this.#end[i] = end;
    // Rising at first and falling at last, it may have been above in between.
    const hump = channels > 0 && drive > 0 && lastDrive - end < 0;
    if (end < (thresholdMv[i] as number) && !hump) return Infinity;
    return this.nextEvent(i);
  }

  /** When neuron i is released or reaches its threshold next, ms from the start of the step; Infinity: not in this step. */
  nextEvent(i: number): number {
    const from = this.#time[i] as number;
    const rest = this.#dtMs - from;
    if (this.isHeld(i)) {
      const left = this.#held[i] as number;
      return left <= rest ? from + left : Infinity;
    }
    const { channels, restMv, thresholdMv, tauMs } = this.#neurons;
    const threshold = thresholdMv[i] as number;
    if (channels === 0) {
      const drive = restMv[i] as number;
      if (drive <= threshold) return Infinity;
      const time =
        (tauMs[i] as number) * Math.log1p((threshold - (this.v[i] as number)) / (drive - threshold));
      return time <= rest ? from + Math.max(0, time) : Infinity;
    }
    let high = rest;
    if (this.#potentialAfter(i, rest) < threshold) {
      high = this.#summit(i, rest);
      if (high === 0 || this.#potentialAfter(i, high) < threshold) return Infinity;
    }
    return from + this.#crossing(i, high);
  }

  /** The time at which v is highest, where it rises at first and falls at the end; 0 otherwise. */
  #summit(i: number, ms: number): number {
    if (this.#slopeAfter(i, 0) <= 0 || this.#slopeAfter(i, ms) >= 0) return 0;
    let [low, high] = [0, ms];
    for (let bisection = 0; bisection < BISECTIONS; bisection++) {
      const middle = (low + high) / 2;
      if (this.#slopeAfter(i, middle) > 0) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The first time up to `high` at which v, below the threshold before, has reached it: Newton's method, kept in bounds. */
  #crossing(i: number, high: number): number {
    const threshold = this.#neurons.thresholdMv[i] as number;
    let [low, top] = [0, high];
    let time = high / 2;
    for (let iteration = 0; iteration < 2 * BISECTIONS; iteration++) {
      const over = this.#potentialAfter(i, time) - threshold;
      if (over < 0) low = time;
      else top = time;
      const slope = this.#slopeAfter(i, time);
      const newton = time - over / slope;
      const next = slope > 0 && newton > low && newton < top ? newton : (low + top) / 2;
      if (Math.abs(next - time) <= 1e-16 * this.#dtMs || next === low || next === top) return next;
      time = next;
    }
    return time;
  }

  #potentialAfter(i: number, ms: number): number {
    const { count, channels, restMv } = this.#neurons;
    const rest = restMv[i] as number;
    let v = rest + ((this.v[i] as number) - rest) * this.leakOver(i, ms);
    for (let c = 0; c < channels; c++) v += (this.g[c * count + i] as number) * this.effectOver(i, c, ms);
    return v;
  }

  #slopeAfter(i: number, ms: number): number {
    const { count, channels, restMv, tauMs } = this.#neurons;
    let drive = (restMv[i] as number) - this.#potentialAfter(i, ms);
    for (let c = 0; c < channels; c++) drive += (this.g[c * count + i] as number) * this.decayOver(i, c, ms);
    return drive / (tauMs[i] as number);
  }
}
