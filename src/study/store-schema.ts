/**
 * The tables of a store, as SQLite sees them and as the query builder does (`postgres-schema.ts` has PostgreSQL's).
 *
 * What somebody would filter, sort or plot by has a column or a table of its own: states, objectives, constraints,
 * accuracies, spikes per layer, chunks, times, devices. Hyperparameters differ from study to study, so they are one
 * JSON object, which SQL can look into: `select number, objective, "values" ->> 'map_size' from trial`.
 */

import type { Generated } from 'kysely';

/** Marks a SQLite file as a store of Tacet (`PRAGMA application_id`): the bytes of "TACT". */
export const APPLICATION_ID = 0x54414354;

/** Version of the tables (`PRAGMA user_version`); a store of a later version is refused. */
export const SCHEMA_VERSION = 1;

/** A finite number; SQL has no NaN, so null stands for one. */
type Real = number | null;
/** JSON text. */
type Json = string;

export interface StoreSchema {
  study: {
    id: Generated<number>;
    name: string;
    recipe: string;
    space: Json;
    settings: Json;
    optimizer: Json;
    seed: number;
    trials: number;
    created_at: number;
  };
  /** The optimizer's state after the last ask or tell. */
  optimizer_state: { study: number; state: Json };
  trial: {
    study: number;
    number: number;
    state: 'waiting' | 'running' | 'complete' | 'silent' | 'failed';
    values: Json;
    seed: number;
    proposal: Json;
    started_at: number;
    finished_at: number | null;
    finish_order: number | null;
    objective: Real;
    reason: string | null;
    seconds: Real;
    device: string | null;
  };
  /** Both forms of each constraint of a trial. */
  trial_constraint: { study: number; trial: number; position: number; graded: Real; plain: Real };
  accuracy: { study: number; trial: number; decoder: string; accuracy: Real };
  phase: {
    study: number;
    trial: number;
    position: number;
    phase: 'train' | 'hold-out';
    samples: number;
    input_spikes: number;
    seconds: number;
  };
  layer: {
    study: number;
    trial: number;
    phase: number;
    position: number;
    layer: string;
    spikes: number;
    silent_samples: number;
  };
  chunk: {
    study: number;
    trial: number;
    position: number;
    phase: 'train' | 'hold-out';
    samples: number;
    silent_shares: Json;
    accuracy: Real;
  };
}

/** Makes the tables of {@link SCHEMA_VERSION} in an empty database. Times are Unix ms, durations seconds. */
export const CREATE_TABLES = `
  create table study (
    id integer primary key,
    name text not null unique,
    recipe text not null,
    space text not null,
    settings text not null,
    optimizer text not null,
    seed integer not null,
    trials integer not null,
    created_at integer not null
  ) strict;

  create table optimizer_state (
    study integer primary key references study,
    state text not null
  ) strict;

  create table trial (
    study integer not null references study,
    number integer not null,
    state text not null check (state in ('waiting', 'running', 'complete', 'silent', 'failed')),
    "values" text not null,
    seed integer not null,
    proposal text not null,
    started_at integer not null,
    finished_at integer,
    finish_order integer,
    objective real,
    reason text,
    seconds real,
    device text,
    primary key (study, number),
    unique (study, finish_order)
  ) strict, without rowid;

  create table trial_constraint (
    study integer not null,
    trial integer not null,
    position integer not null,
    graded real,
    plain real,
    primary key (study, trial, position),
    foreign key (study, trial) references trial
  ) strict, without rowid;

  create table accuracy (
    study integer not null,
    trial integer not null,
    decoder text not null,
    accuracy real,
    primary key (study, trial, decoder),
    foreign key (study, trial) references trial
  ) strict, without rowid;

  create table phase (
    study integer not null,
    trial integer not null,
    position integer not null,
    phase text not null check (phase in ('train', 'hold-out')),
    samples integer not null,
    input_spikes integer not null,
    seconds real not null,
    primary key (study, trial, position),
    foreign key (study, trial) references trial
  ) strict, without rowid;

  create table layer (
    study integer not null,
    trial integer not null,
    phase integer not null,
    position integer not null,
    layer text not null,
    spikes integer not null,
    silent_samples integer not null,
    primary key (study, trial, phase, position),
    foreign key (study, trial, phase) references phase
  ) strict, without rowid;

  create table chunk (
    study integer not null,
    trial integer not null,
    position integer not null,
    phase text not null check (phase in ('train', 'hold-out')),
    samples integer not null,
    silent_shares text not null,
    accuracy real,
    primary key (study, trial, position),
    foreign key (study, trial) references trial
  ) strict, without rowid;
`;
