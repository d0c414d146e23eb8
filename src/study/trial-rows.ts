/** A trial as rows of the store's tables, and back. */
import type { Insertable, Kysely, Selectable } from 'kysely';
import type { TrialQuery, TrialRecord } from './store.ts';
import { all, type Operation } from './store-operation.ts';
import type { StoreSchema } from './store-schema.ts';
import type {
  ChunkReport,
  Hyperparameters,
  JsonValue,
  LayerSpikes,
  PhaseReport,
  TrialOutcome,
} from './trial.ts';

/** The rows that record an outcome besides the trial's own, by table, in an order in which they can be inserted. */
export function rowsOfOutcome(study: number, trial: number, outcome: TrialOutcome) {
  const { constraints, plainConstraints, accuracies, phases, history } = outcome;
  const key = { study, trial };
  return {
    trial_constraint: constraints.map((graded, position) => {
      return { ...key, position, graded, plain: plainConstraints[position] ?? null };
    }),
    accuracy: Object.entries(accuracies).map(([decoder, accuracy]) => ({ ...key, decoder, accuracy })),
    phase: phases.map(({ phase, samples, inputSpikes, seconds }, position) => {
      return { ...key, position, phase, samples, input_spikes: inputSpikes, seconds };
    }),
    layer: phases.flatMap(({ layers }, phase) =>
      layers.map(({ layer, spikes, silentSamples }, position) => {
        return { ...key, phase, position, layer, spikes, silent_samples: silentSamples };
      }),
    ),
    chunk: history.map(({ phase, samples, silentShares, accuracy }, position) => {
      const silent_shares = JSON.stringify(silentShares);
      return { ...key, position, phase, samples, silent_shares, accuracy: accuracy ?? null };
    }),
  } satisfies { readonly [Table in keyof StoreSchema]?: readonly Insertable<StoreSchema[Table]>[] };
}

type Row<Table extends keyof StoreSchema> = Selectable<StoreSchema[Table]>;

/** The trials of a study in the order of their numbers, some of them, or one. */
export function* readTrials(
  queries: Kysely<StoreSchema>,
  study: number,
  { history = false, number, since }: TrialQuery & { readonly number?: number },
): Operation<TrialRecord[]> {
  let trials = queries.selectFrom('trial').selectAll().where('study', '=', study).orderBy('number');
  if (number !== undefined) trials = trials.where('number', '=', number);
  if (since !== undefined) {
    trials = trials.where(({ or, eb }) =>
      or([eb('number', '>=', since.number), eb('finish_order', '>=', since.finishOrder)]),
    );
  }
  // Before what belongs to them: a trial that ends meanwhile is told of as running, never without its outcome's parts.
  const found = yield* all(trials);
  const lowest = found[0]?.number ?? 0;
  if (found.length === 0) return [];

  /** The rows of a table that belong to these trials, by trial, in their order. */
  function* parts<Table extends 'trial_constraint' | 'accuracy' | 'phase' | 'layer' | 'chunk'>(
    table: Table,
  ): Operation<Map<number, (Row<Table> & { readonly trial: number })[]>> {
    // Kysely can't infer the columns of a table that is a type parameter; all of these have the ones used here.
    let query = queries
      .selectFrom(table as 'phase')
      .selectAll()
      .where('study', '=', study);
    if (number !== undefined) query = query.where('trial', '=', number);
    // Trials that are new lie close together: the rows of the few between them cost less than a list of numbers.
    else if (since !== undefined) query = query.where('trial', '>=', lowest);
    if (table !== 'accuracy') query = query.orderBy('trial').orderBy('position');
    const rows = (yield* all(query)) as unknown as (Row<Table> & { readonly trial: number })[];
    return Map.groupBy(rows, (row) => row.trial);
  }
  const constraints = yield* parts('trial_constraint');
  const accuracies = yield* parts('accuracy');
  const phases = yield* parts('phase');
  const layers = yield* parts('layer');
  const chunks = history ? yield* parts('chunk') : new Map<number, Row<'chunk'>[]>();

  return found.map((row) => {
    const bounds = constraints.get(row.number) ?? [];
    const outcome = outcomeOf(row, {
      constraints: bounds.map(({ graded }) => graded ?? Number.NaN),
      plainConstraints: bounds.map(({ plain }) => plain ?? Number.NaN),
      accuracies: Object.fromEntries(
        (accuracies.get(row.number) ?? []).map(({ decoder, accuracy }) => [decoder, accuracy ?? Number.NaN]),
      ),
      phases: (phases.get(row.number) ?? []).map((phase) => phaseOf(phase, layers.get(row.number) ?? [])),
      history: (chunks.get(row.number) ?? []).map(chunkOf),
    });
    return {
      number: row.number,
      state: row.state,
      values: JSON.parse(row.values) as Hyperparameters,
      seed: row.seed,
      proposal: JSON.parse(row.proposal) as JsonValue,
      startedAt: row.started_at,
      ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }),
      ...(row.finish_order === null ? {} : { finishOrder: row.finish_order }),
      ...(outcome === undefined ? {} : { outcome }),
    };
  });
}

function outcomeOf(
  row: Row<'trial'>,
  parts: Pick<TrialOutcome, 'constraints' | 'plainConstraints' | 'accuracies' | 'phases' | 'history'>,
): TrialOutcome | undefined {
  const { state, objective, reason } = row;
  if (state === 'waiting' || state === 'running') return undefined;
  return {
    state,
    ...(objective === null ? {} : { objective }),
    ...parts,
    ...(reason === null ? {} : { reason }),
    seconds: row.seconds ?? 0,
    device: row.device ?? '',
  };
}

function phaseOf(row: Row<'phase'>, layers: readonly Row<'layer'>[]): PhaseReport {
  return {
    phase: row.phase,
    samples: row.samples,
    layers: layers
      .filter((layer) => layer.phase === row.position)
      .map(({ layer, spikes, silent_samples }): LayerSpikes => {
        return { layer, spikes, silentSamples: silent_samples };
      }),
    inputSpikes: row.input_spikes,
    seconds: row.seconds,
  };
}

function chunkOf(row: Row<'chunk'>): ChunkReport {
  // JSON writes a number that is none as null.
  const shares = JSON.parse(row.silent_shares) as (number | null)[];
  return {
    phase: row.phase,
    samples: row.samples,
    silentShares: shares.map((share) => share ?? Number.NaN),
    ...(row.accuracy === null ? {} : { accuracy: row.accuracy }),
  };
}
