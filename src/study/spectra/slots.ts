/** Slots with networks of which one launch measures the Lyapunov exponents, all side by side. */
import type { Device } from '../../device/index.ts';
import { DynamicsError, type LyapunovSpectrum, networkSpectra } from '../../dynamics/index.ts';
import type { CompiledNetwork } from '../../network/index.ts';
import type { TrialOrder } from '../messages.ts';
import type { LaunchResult, Seated, SlotEngine, SlotLaunch, SlotTrial } from '../slots.ts';
import type { TrialOutcome } from '../trial.ts';
import { networkOf, objectiveOf, type SpectrumNumbers, type SpectrumSettings } from './settings.ts';

export class SpectrumSlots implements SlotEngine<SpectrumTrial> {
  readonly #device: Device;
  readonly #settings: SpectrumSettings;

  constructor(device: Device, settings: SpectrumSettings) {
    this.#device = device;
    this.#settings = settings;
  }

  begin(_slot: number, order: TrialOrder): SpectrumTrial {
    return new SpectrumTrial(order, this.#settings);
  }

  launch(active: readonly Seated<SpectrumTrial>[]): SlotLaunch {
    return { ends: active.map(() => true), done: this.#run(active.map(({ trial }) => trial)) };
  }

  async #run(trials: readonly SpectrumTrial[]): Promise<LaunchResult> {
    try {
      const spectra = await this.#measure(trials);
      for (const [index, trial] of trials.entries()) trial.finish(spectra[index] as LyapunovSpectrum);
    } catch (error) {
      // Else it is the device.
      if (!(error instanceof DynamicsError)) throw error;
      await this.#oneByOne(trials);
    }
    return { samples: trials.length, reads: [] };
  }

  /** A network that has no finite exponents fails alone. */
  async #oneByOne(trials: readonly SpectrumTrial[]): Promise<void> {
    for (const trial of trials) {
      try {
        const [spectrum] = await this.#measure([trial]);
        trial.finish(spectrum as LyapunovSpectrum);
      } catch (error) {
        if (!(error instanceof DynamicsError)) throw error;
        trial.fail(error.message);
      }
    }
  }

  #measure(trials: readonly SpectrumTrial[]): Promise<LyapunovSpectrum[]> {
    const { route, sharpness, exponents, durationMs, transientMs, intervalMs } = this.#settings;
    return networkSpectra(
      this.#device,
      trials.map(({ network }) => network),
      { route, exponents, durationMs, transientMs, intervalMs, surrogate: { sharpness } },
    );
  }
}

/** One network: over after one launch. */
export class SpectrumTrial implements SlotTrial {
  readonly network: CompiledNetwork;
  readonly #settings: SpectrumSettings;
  readonly #startedAt = performance.now();
  #end: Pick<TrialOutcome, 'state' | 'reason' | 'objective' | 'constraints' | 'accuracies'> | undefined;

  /** @throws {StudyError} for hyperparameters that make no network */
  constructor({ values, seed }: Pick<TrialOrder, 'values' | 'seed'>, settings: SpectrumSettings) {
    this.#settings = settings;
    this.network = networkOf(settings, values, seed).compile();
  }

  get finished(): boolean {
    return this.#end !== undefined;
  }

  get samplesLeft(): number {
    return this.finished ? 0 : 1;
  }

  finish({ summary }: LyapunovSpectrum): void {
    const { largest, positive, entropyRate, kaplanYorkeDimension: dimension } = summary;
    if (!Number.isFinite(largest)) {
      this.fail('all directions are lost: resets forget the potentials, and no synapse passes anything on');
      return;
    }
    const accuracies: SpectrumNumbers = {
      largest_exponent: largest,
      positive_exponents: positive,
      entropy_rate: entropyRate,
      ...(dimension === undefined ? {} : { kaplan_yorke_dimension: dimension }),
    };
    const objective = objectiveOf(this.#settings, accuracies);
    if (objective === undefined) {
      this.fail('its dimension needs more exponents: give a larger setting "exponents"');
      return;
    }
    this.#end = {
      state: 'complete',
      objective,
      constraints: [largest - this.#settings.mostChaos],
      accuracies,
    };
  }

  fail(reason: string): void {
    this.#end = { state: 'failed', reason, constraints: [], accuracies: {} };
  }

  outcome(device: string): TrialOutcome {
    if (this.#end === undefined) throw new Error('a trial that is not over has no outcome');
    return {
      ...this.#end,
      plainConstraints: this.#end.constraints,
      phases: [],
      history: [],
      seconds: (performance.now() - this.#startedAt) / 1000,
      device,
    };
  }
}
