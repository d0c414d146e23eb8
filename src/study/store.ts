/**
 * The store of studies: every trial that is finished is durable before anyone hears of it.
 *
 * One interface over any database: `sqlite-store.ts` is the embedded one, `postgres-store.ts` that of several machines,
 * and `store-operations.ts` what both do.
 */
import type { Hyperparameters, JsonObject, JsonValue, TrialOutcome, TrialState } from './trial.ts';

/** What makes a study this study. Two studies with the same name must agree in all of it but the budget. */
export interface StudySpec {
  readonly name: string;
  readonly recipe: string;
  /** The search space in its JSON form, fixed values applied. */
  readonly space: JsonObject;
  /** The recipe's settings, defaults filled in. */
  readonly settings: JsonObject;
  readonly optimizer: JsonObject;
  readonly seed: number;
  /** How many trials it should have in the end; may grow when it is resumed. */
  readonly trials: number;
}

/** A trial as the store has it. */
export interface TrialRecord {
  /** 0, 1, 2, ... in the order of the proposals. */
  readonly number: number;
  readonly state: TrialState;
  readonly values: Hyperparameters;
  /** Seed of everything random in this trial. */
  readonly seed: number;
  /** What the optimizer said of its proposal, to be handed back when the trial is told. */
  readonly proposal: JsonValue;
  /** Unix time, ms. */
  readonly startedAt: number;
  readonly finishedAt?: number;
  /** Position among the finished trials, 0, 1, 2, ...: the order in which the optimizer was told. */
  readonly finishOrder?: number;
  readonly outcome?: TrialOutcome;
}

/** A trial about to run. */
export type StartedTrial = Pick<TrialRecord, 'number' | 'values' | 'seed' | 'proposal' | 'startedAt'>;

/** A trial that ended, to be recorded. */
export interface FinishedTrial {
  readonly number: number;
  readonly outcome: TrialOutcome;
}

/** When and where in the order of their ends an outcome was recorded. */
export type RecordedEnd = Required<Pick<TrialRecord, 'number' | 'finishedAt' | 'finishOrder'>>;

/** A study as the listing shows it. */
export interface StudySummary {
  readonly spec: StudySpec;
  readonly createdAt: number;
  readonly counts: Readonly<Record<TrialState, number>>;
  /** The complete trial with all constraints at most 0 and the highest objective. */
  readonly best?: TrialRecord;
}

/** Everything that a store has of a study: what goes into another store. */
export interface StudyContents {
  readonly spec: StudySpec;
  readonly createdAt: number;
  /** With their histories, in the order of their numbers. */
  readonly trials: readonly TrialRecord[];
  /** The optimizer's state; undefined when it was never asked. */
  readonly optimizer: JsonValue | undefined;
}

/** The right to run a study, held until it is disposed of. */
export interface Claim extends AsyncDisposable {
  /** Aborted, with a {@link StudyError}, when the claim is lost: somebody else may run the study now. */
  readonly lost: AbortSignal;
}

export type Awaitable<Value> = Value | Promise<Value>;

/** Which trials to read, and what of them. */
export interface TrialQuery {
  readonly history?: boolean;
  /** Only trials from this number on, and those that ended from this position in the order of ends on. */
  readonly since?: { readonly number: number; readonly finishOrder: number };
}

/** A store may answer at once or later: await it. */
export interface Store extends AsyncDisposable {
  /** Where it is: a path or an address without secrets. */
  readonly location: string;
  /**
   * Makes a study, or finds the one of that name.
   *
   * @throws {StudyError} `conflict` when a study of that name differs in anything but `trials`, naming what differs
   */
  openStudy(spec: StudySpec): Awaitable<{ readonly resumed: boolean }>;
  studies(): Awaitable<readonly StudySummary[]>;
  /** @throws {StudyError} `unknown-study`, listing the names there are */
  study(name: string): Awaitable<StudySummary>;
  /** All trials, or those that are new since a reader last looked, by number; without histories unless asked. */
  trials(name: string, query?: TrialQuery): Awaitable<readonly TrialRecord[]>;
  /** @throws {StudyError} `unknown-trial` */
  trial(name: string, number: number): Awaitable<TrialRecord>;
  /**
   * Takes the right to run a study. Where several machines reach the store, nobody else can begin or finish its trials
   * until the claim is disposed of, or its holder was not heard of for a while, which is waited for. A store on one
   * machine grants it to all: two that run a study there meet at `begin`.
   *
   * @param waiting told once who has it, when it is waited for
   * @throws {StudyError} `conflict` when somebody else runs the study, naming who; `unknown-study`
   */
  claim(name: string, waiting?: (who: string) => void): Awaitable<Claim>;
  /**
   * Records proposals as running trials together with the optimizer's state after the ask, in one transaction.
   * It outlives this process on return, and a loss of power once a later `finish` has returned.
   *
   * @throws {StudyError} `conflict` when a trial of that number is there: somebody else runs this study
   */
  begin(name: string, trials: readonly StartedTrial[], optimizer: JsonValue): Awaitable<void>;
  /**
   * Records outcomes, in the order in which the optimizer was told, together with its state after the tell: in one
   * transaction, durable on return. One call for all that ended in a chunk costs one wait for the disk.
   *
   * @returns what the store adds to each outcome, in the order given
   * @throws {StudyError} `not-running` when a trial is not running: an outcome is recorded once
   */
  finish(
    name: string,
    finished: readonly FinishedTrial[],
    optimizer: JsonValue,
  ): Awaitable<readonly RecordedEnd[]>;
  /** The optimizer's state as last recorded; undefined for a new study. */
  optimizer(name: string): Awaitable<JsonValue | undefined>;
  /** A study with all that belongs to it. */
  contents(name: string): Awaitable<StudyContents>;
  /**
   * Puts a study that was taken from another store into this one, as it was there: in one transaction.
   *
   * @throws {StudyError} `conflict` when there is a study of that name
   */
  restore(contents: StudyContents): Awaitable<void>;
}

type Answers = { [Key in keyof Store as Key extends string ? Key : never]: Store[Key] };

/** A store that answers at once. */
export type LocalStore = Disposable &
  AsyncDisposable & {
    readonly [Key in keyof Answers]: Answers[Key] extends (...given: infer Given) => infer Answer
      ? (...given: Given) => Awaited<Answer>
      : Answers[Key];
  };

export type StudyErrorCode =
  | 'conflict'
  | 'unknown-study'
  | 'unknown-trial'
  | 'not-running'
  | 'bad-store'
  /** A database that can't be reached now. */
  | 'offline'
  /** A worker that is not fit for a study: another version, recipe or data set. */
  | 'mismatch'
  | 'bad-input';

/** A study, a trial or a store that is not as it should be: the place, the value, the remedy. */
export class StudyError extends Error {
  override readonly name = 'StudyError';
  readonly code: StudyErrorCode;

  constructor(code: StudyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
