/** What the terminal shows of one trial, or of one evaluated network. Pure. */
import type { TrialRecord } from '../study/store.ts';
import type { ChunkReport, LayerSpikes, PhaseReport, TrialOutcome } from '../study/trial.ts';
import {
  formatCount,
  formatDuration,
  formatScore,
  formatShare,
  formatTable,
  formatTime,
  formatValue,
} from './format.ts';

/** Rows of a history that are shown; more are thinned out evenly. */
const HISTORY_ROWS = 12;

/** Everything that is stored of a trial. */
export function trialReport(study: string, trial: TrialRecord, constraints: readonly string[]): string {
  const { number, state, values, seed, startedAt, outcome } = trial;
  const because = outcome?.reason === undefined ? '' : ` (${outcome.reason})`;
  const parts = [
    `trial ${number} of ${study}: ${state}${because}`,
    `seed ${seed}, begun ${formatTime(startedAt)}`,
    formatTable(
      ['hyperparameter', 'value'],
      Object.entries(values).map(([name, value]) => [name, formatValue(value)]),
    ),
  ];
  if (outcome !== undefined) parts.push(outcomeReport(outcome, constraints));
  return parts.join('\n');
}

/** Decoders are judged on the hold-out alone; what has a test set says so; pruning measures more than accuracies. */
function headOf(accuracies: Readonly<Record<string, number>>): string[] {
  if ('test' in accuracies) return ['samples', 'accuracy'];
  return 'pruningSeconds' in accuracies ? ['figure', 'value'] : ['decoder', 'accuracy on the hold-out'];
}

function outcomeReport(outcome: TrialOutcome, constraints: readonly string[]): string {
  const parts = [
    `objective ${formatScore(outcome.objective)}, ${formatDuration(outcome.seconds)} on ${outcome.device}`,
  ];
  if (outcome.constraints.length > 0) {
    const rows = outcome.constraints.map((graded, i) => [
      constraints[i] ?? `constraint ${i}`,
      formatScore(graded),
      formatScore(outcome.plainConstraints[i]),
      graded <= 0 ? 'yes' : 'no',
    ]);
    parts.push(formatTable(['constraint', 'graded', 'plain', 'met'], rows));
  }
  const accuracies = Object.entries(outcome.accuracies);
  if (accuracies.length > 0) {
    parts.push(
      formatTable(
        headOf(outcome.accuracies),
        accuracies.map(([decoder, accuracy]) => [decoder, formatScore(accuracy)]),
      ),
    );
  }
  if (outcome.phases.length > 0) parts.push(phasesTable(outcome.phases));
  if (outcome.history.length > 0) parts.push(historyTable(outcome.history));
  return parts.join('\n');
}

function phasesTable(phases: readonly PhaseReport[]): string {
  const rows = phases.flatMap(({ phase, samples, layers, inputSpikes, seconds }) => [
    [phase, formatCount(samples), 'input', perSample(inputSpikes, samples), '–', formatDuration(seconds)],
    ...layers.map(({ layer, spikes, silentSamples }) => [
      phase,
      formatCount(samples),
      layer,
      perSample(spikes, samples),
      formatShare(silentSamples, samples),
      '',
    ]),
  ]);
  return formatTable(['phase', 'samples', 'layer', 'spikes per sample', 'silent samples', 'time'], rows);
}

function perSample(spikes: number, samples: number): string {
  return samples === 0 ? '–' : (spikes / samples).toFixed(2);
}

function historyTable(history: readonly ChunkReport[]): string {
  const step = Math.ceil(history.length / HISTORY_ROWS);
  // Counted from the end, so that the last report is among them.
  const shown = history.filter((_, i) => (history.length - 1 - i) % step === 0);
  const rows = shown.map(({ phase, samples, silentShares, accuracy }) => [
    phase,
    formatCount(samples),
    silentShares.map((share) => formatScore(share)).join(' '),
    formatScore(accuracy),
  ]);
  return formatTable(['phase', 'samples', 'silent share of the epoch', 'accuracy so far'], rows);
}

/** Evaluated networks, a row each; what there is of each layer or constraint stands in one cell, in order. */
export function evaluationTable(
  outcomes: readonly (TrialOutcome | undefined)[],
  constraints: readonly string[],
): string {
  const known = outcomes.flatMap((outcome) => outcome ?? []);
  const decoders = [...new Set(known.flatMap(({ accuracies }) => Object.keys(accuracies)))];
  const layers = new Set(
    known.flatMap(({ phases }) => phases.flatMap((phase) => phase.layers)).map((l) => l.layer),
  );
  const head = ['entry', 'state', ...decoders, 'spikes per sample', 'silent samples', 'constraints', 'time'];
  const rows = outcomes.map((outcome, entry) => {
    if (outcome === undefined) return [String(entry), 'not finished', ...head.slice(2).map(() => '–')];
    const last = outcome.phases.at(-1);
    const perLayer = (cell: (layer: LayerSpikes, samples: number) => string) =>
      last === undefined ? '–' : last.layers.map((layer) => cell(layer, last.samples)).join(' / ');
    return [
      String(entry),
      outcome.state,
      ...decoders.map((decoder) => formatScore(outcome.accuracies[decoder])),
      perLayer(({ spikes }, samples) => perSample(spikes, samples)),
      perLayer(({ silentSamples }, samples) => formatShare(silentSamples, samples)),
      outcome.constraints.map((constraint) => formatScore(constraint)).join(' / ') || '–',
      formatDuration(outcome.seconds),
    ];
  });
  const reasons = outcomes.flatMap((outcome, entry) => {
    return outcome?.reason === undefined ? [] : [`entry ${entry} ${outcome.state}: ${outcome.reason}`];
  });
  const legend = `Spikes and silent samples: ${[...layers].join(' / ')}, in the last phase that was run. Constraints: ${constraints.join(' / ')}, met at or below 0.`;
  return [formatTable(head, rows), ...(layers.size === 0 ? [] : [legend]), ...reasons].join('\n');
}
