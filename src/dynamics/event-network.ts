/**
 * A network of leaky integrate-and-fire neurons in continuous time, from event to event: between spikes the solution is
 * exact, a spike's time is located inside the step to rounding, and it acts at that time. Where tangent vectors are asked
 * for, what happens to them is written into a {@link TangentProgram}.
 *
 * Tangent map of an event at which neuron j reaches its threshold, with F = dv_j/dt just before it and f-, f+ the
 * derivatives of the state before and after all its jumps (saltation matrix; Aizerman and Gantmakher 1958, Bizzarri,
 * Brambilla and Storti Gajani 2013):
 *
 *   S = D + (f+ - D f-) e_j^T / F,  D: 0 for potentials that are set by the event, 1 elsewhere
 *
 * for targets i of j, weight w, with tau_i dv_i/dt = R_i - v_i + sum of g_i:
 *   delta:   S[v_i, v_j] = -w / (tau_i F)
 *   current: S[v_i, v_j] = +w / (tau_i F), S[g_i, v_j] = -w / (tau_s F)
 *   reset:   S[v_j, v_j] = f+_j / F
 * A neuron that a delta pulse lifts over its threshold spikes at the same time, so its row becomes f+ e_j^T / F. While a
 * neuron is refractory, what is left of its potential's tangent is the deviation of the spike's time, -X_j / F; it stands
 * in the row as (threshold - reset) / tau times X_j / F until the release, where the potential begins with slope f+.
 * A spike that input from outside has triggered stands in no relation to the state: its row becomes 0.
 */
import type { CompiledNetwork } from '../kernels/recurrent-network.ts';
import { ClockedInputs } from './clocked-inputs.ts';
import { DynamicsError } from './errors.ts';
import { type EventNeurons, eventNeurons } from './event-neurons.ts';
import { Membranes } from './membranes.ts';
import type { TangentProgram } from './tangent-program.ts';

/** Spikes at one instant beyond which delta synapses are taken to have run away. */
const LARGEST_AVALANCHE = 1_000_000;

export class EventNetwork {
  readonly neurons: EventNeurons;
  readonly dtMs: number;
  /** Potentials and synaptic variables. */
  readonly membranes: Membranes;
  /** Spikes of each neuron so far. */
  readonly spikeCounts: Uint32Array;
  readonly #inputs: ClockedInputs;
  readonly #program: TangentProgram | undefined;
  /** Next event of each neuron within the step, ms from its start; Infinity: none. */
  readonly #next: Float64Array;
  /** Neurons with an event in this step, and whether they are listed. */
  readonly #listed: number[] = [];
  readonly #isListed: Uint8Array;
  /** When a neuron's tangents were last brought up to date, ms from the beginning of this step; not above 0 at first. */
  readonly #tangentTime: Float64Array;
  /** Coefficients of the event under way: of v, and of each channel, [1 + channels][neuron]. */
  readonly #kicks: Float64Array;
  readonly #kicked: number[] = [];
  readonly #isKicked: Uint8Array;
  /** 1: has spiked in the event under way, 2: is about to. */
  readonly #spiking: Uint8Array;
  readonly #slopeBefore: Float64Array;
  #step = 0;

  /**
   * @param program takes the operations on tangent vectors; none are written when absent
   * @throws {DynamicsError} `unsupported` naming what of the network has no tangent map
   */
  constructor(network: CompiledNetwork, program?: TangentProgram) {
    const neurons = eventNeurons(network);
    const { count, channels } = neurons;
    this.neurons = neurons;
    this.dtMs = network.dtMs;
    this.membranes = new Membranes(neurons, network.dtMs);
    this.spikeCounts = new Uint32Array(count);
    this.#inputs = new ClockedInputs(network);
    this.#program = program;
    this.#next = new Float64Array(count).fill(Infinity);
    this.#isListed = new Uint8Array(count);
    this.#tangentTime = new Float64Array(count);
    this.#kicks = new Float64Array((1 + channels) * count);
    this.#isKicked = new Uint8Array(count);
    this.#spiking = new Uint8Array(count);
    this.#slopeBefore = new Float64Array(count);
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  /** Advances by so many steps; calls with each spike, a place among the neurons with a state and its time in ms. */
  run(steps: number, onSpike?: (place: number, timeMs: number) => void): void {
    for (let done = 0; done < steps; done++) this.#advance(onSpike);
  }

  /** Writes the operations that bring all tangents up to now: to be called before the program is carried out. */
  finishTangents(): void {
    for (let i = 0; i < this.neurons.count; i++) this.#touch(i, 0);
  }

  #advance(onSpike: ((place: number, timeMs: number) => void) | undefined): void {
    const { membranes, neurons } = this;
    this.#clocked(onSpike);
    for (let i = 0; i < neurons.count; i++) this.#next[i] = membranes.firstEvent(i);
    this.#listed.length = 0;
    this.#isListed.fill(0);
    for (let i = 0; i < neurons.count; i++) if (this.#next[i] !== Infinity) this.#list(i);
    for (;;) {
      const i = this.#earliest();
      if (i < 0) break;
      const time = this.#next[i] as number;
      if (membranes.isHeld(i)) this.#release(i, time);
      else this.#spike(i, time, false, onSpike);
    }
    membranes.finishStep();
    this.#step++;
    for (let i = 0; i < neurons.count; i++) {
      this.#tangentTime[i] = (this.#tangentTime[i] as number) - this.dtMs;
    }
  }

  /** What comes from outside at the start of the step, the spikes that it triggers, and those of sources. */
  #clocked(onSpike: ((place: number, timeMs: number) => void) | undefined): void {
    const { membranes, neurons } = this;
    const { v } = membranes;
    const step = this.#step;
    this.#inputs.arrivals(step, (neuron, channel, amount) => {
      membranes.kick(neurons.placeOf[neuron] as number, neurons.exponentialOf[channel] as number, amount);
    });
    // Noise of the step before: it comes at the end of a step, which is the same instant.
    if (this.#inputs.noisy && step > 0) {
      for (let i = 0; i < neurons.count; i++) {
        const noise = membranes.noiseOfStep(i);
        if (noise === 0 || membranes.isHeld(i)) continue;
        v[i] = (v[i] as number) + noise * this.#inputs.normal(neurons.numbers[i] as number, step - 1);
      }
    }
    if (step > 0) this.#inputs.sources(step - 1, (source) => this.#send(source));
    for (let i = 0; i < neurons.count; i++) {
      if ((v[i] as number) >= (neurons.thresholdMv[i] as number) && !membranes.isHeld(i)) {
        this.#spike(i, 0, true, onSpike);
      }
    }
  }

  /** A source's spike, at the start of a step. */
  #send(source: number): void {
    const { rows, targets, synapseChannels, weights } = this.neurons;
    for (let at = rows[source] as number; at < (rows[source + 1] as number); at++) {
      this.membranes.kick(targets[at] as number, synapseChannels[at] as number, weights[at] as number);
    }
  }

  #earliest(): number {
    let found = -1;
    let least = Infinity;
    for (const i of this.#listed) {
      const time = this.#next[i] as number;
      if (time < least) {
        least = time;
        found = i;
      }
    }
    return found;
  }

  #list(i: number): void {
    if (this.#isListed[i] !== 0) return;
    this.#isListed[i] = 1;
    this.#listed.push(i);
  }

  #reschedule(i: number): void {
    const time = this.membranes.nextEvent(i);
    this.#next[i] = time;
    if (time !== Infinity) this.#list(i);
  }

  #release(i: number, time: number): void {
    const { membranes } = this;
    this.#touch(i, time);
    membranes.advance(i, time);
    membranes.release(i);
    this.#program?.add(i, i, membranes.slope(i) / membranes.referenceSlope(i), 0);
    this.#reschedule(i);
  }

  #spike(
    j: number,
    time: number,
    clocked: boolean,
    onSpike: ((place: number, timeMs: number) => void) | undefined,
  ): void {
    const { membranes, neurons } = this;
    membranes.advance(j, time);
    if (!clocked) membranes.v[j] = neurons.thresholdMv[j] as number;
    const slope = membranes.slope(j);
    if (!clocked && !(slope > 0)) {
      throw new DynamicsError(
        'not-finite',
        `neuron ${neurons.numbers[j]} touches its threshold without crossing it (slope ${slope} mV/ms in step ${this.#step}): the derivative does not exist there; change a parameter or the seed a little`,
      );
    }
    // 1 / F: a spike that is triggered from outside does not move with the state.
    const inverse = clocked ? 0 : 1 / slope;
    if (inverse !== 0) this.#touch(j, time);
    const avalanche = [j];
    for (let at = 0; at < avalanche.length; at++) {
      if (avalanche.length > LARGEST_AVALANCHE) {
        throw new DynamicsError(
          'not-finite',
          `spikes trigger each other without end in step ${this.#step}: lower the excitatory delta weights, or give a refractory period`,
        );
      }
      this.#fire(avalanche[at] as number, time, inverse, avalanche, onSpike);
    }
    if (this.#program) this.#writeEvent(j, time, inverse, avalanche);
    for (const i of avalanche) this.#spiking[i] = 0;
    for (const i of this.#kicked) {
      this.#isKicked[i] = 0;
      for (let c = 0; c <= neurons.channels; c++) this.#kicks[c * neurons.count + i] = 0;
      this.#reschedule(i);
    }
    this.#kicked.length = 0;
    for (const i of avalanche) this.#reschedule(i);
  }

  /** Resets a neuron and sends its spike along its row; targets that cross their threshold join the avalanche. */
  #fire(
    a: number,
    time: number,
    inverse: number,
    avalanche: number[],
    onSpike: ((place: number, timeMs: number) => void) | undefined,
  ): void {
    const { membranes, neurons } = this;
    const { count, rows, targets, synapseChannels, weights, thresholdMv, tauMs, tauSynapseMs } = neurons;
    if (this.#isKicked[a] === 0) this.#slopeBefore[a] = membranes.slope(a);
    this.#spiking[a] = 1;
    this.spikeCounts[a] = (this.spikeCounts[a] as number) + 1;
    onSpike?.(a, this.#step * this.dtMs + time);
    membranes.reset(a);
    const source = neurons.numbers[a] as number;
    for (let at = rows[source] as number; at < (rows[source + 1] as number); at++) {
      const i = targets[at] as number;
      const channel = synapseChannels[at] as number;
      const weight = weights[at] as number;
      membranes.advance(i, time);
      if (this.#isKicked[i] === 0) {
        this.#isKicked[i] = 1;
        this.#kicked.push(i);
        if (this.#spiking[i] === 0) this.#slopeBefore[i] = membranes.slope(i);
      }
      membranes.kick(i, channel, weight);
      const held = membranes.isHeld(i);
      const pull = held ? 0 : (weight * inverse) / (tauMs[i] as number);
      if (channel < 0) {
        this.#kicks[i] = (this.#kicks[i] as number) - pull;
        if (!held && (membranes.v[i] as number) >= (thresholdMv[i] as number)) {
          if (this.#spiking[i] !== 2) avalanche.push(i);
          this.#spiking[i] = 2;
        }
      } else {
        this.#kicks[i] = (this.#kicks[i] as number) + pull;
        const place = (1 + channel) * count + i;
        const tauSynapse = tauSynapseMs[channel * count + i] as number;
        this.#kicks[place] = (this.#kicks[place] as number) - (weight * inverse) / tauSynapse;
      }
    }
  }

  /** What an event does to tangents; with 1 / F = 0 it only takes from those that spike. */
  #writeEvent(j: number, time: number, inverse: number, avalanche: readonly number[]): void {
    const program = this.#program as TangentProgram;
    const { membranes, neurons } = this;
    if (inverse !== 0) {
      for (const i of this.#kicked) {
        const kick = i === j || this.#spiking[i] !== 0 ? 0 : (this.#kicks[i] as number);
        this.#touch(i, time, j, kick);
      }
    }
    const members = [...new Set(avalanche)].filter((a) => a !== j);
    for (const a of [...members, j]) {
      if (inverse === 0 || this.#isKicked[a] === 0) this.#touch(a, time);
      if (membranes.isHeld(a)) {
        program.add(a, j, 0, membranes.referenceSlope(a) * inverse);
      } else if (neurons.subtracts[a] !== 0 && (a !== j || inverse === 0)) {
        program.add(a, j, 1, (membranes.slope(a) - (this.#slopeBefore[a] as number)) * inverse);
      } else {
        program.add(a, j, 0, membranes.slope(a) * inverse);
      }
    }
  }

  /** Brings the tangents of a neuron up to a time of this step, and adds what an event of neuron j gives to them. */
  #touch(i: number, time: number, j = i, kick = 0): void {
    const program = this.#program;
    if (program === undefined) return;
    const elapsed = time - (this.#tangentTime[i] as number);
    this.#tangentTime[i] = time;
    const { count, channels } = this.neurons;
    // Of those that begin to be held in this event, the row is set by it, whatever stands here.
    const held = this.membranes.isHeld(i);
    const at = program.add(i, j, held ? 1 : this.membranes.leakOver(i, elapsed), kick);
    for (let c = 0; c < channels; c++) {
      const effect = held ? 0 : this.membranes.effectOver(i, c, elapsed);
      const e = this.#kicks[(1 + c) * count + i] as number;
      program.channel(at, c, effect, this.membranes.decayOver(i, c, elapsed), e);
    }
  }
}
