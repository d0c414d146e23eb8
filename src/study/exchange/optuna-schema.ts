/**
 * The tables of Optuna's relational storage, schema version 12 (Optuna 3.2 to 5): names and types as Optuna reads them.
 */

/** `version_info.schema_version`. */
export const OPTUNA_SCHEMA = 12;
/** The migration that belongs to it. */
export const OPTUNA_MIGRATION = 'v3.2.0.a';
/** The version of Optuna with which this was tried. */
export const OPTUNA_LIBRARY = '5.0.0';

/** A table of named values of a study or a trial. */
function attributes(table: string, owner: 'study' | 'trial'): string {
  const parent = owner === 'study' ? 'studies' : 'trials';
  return `create table ${table}s (
    ${table}_id integer not null primary key,
    ${owner}_id integer references ${parent} (${owner}_id),
    "key" varchar(512),
    value_json text,
    unique (${owner}_id, "key")
  );`;
}

export const OPTUNA_TABLES = `
  create table alembic_version (version_num varchar(32) not null primary key);
  create table version_info (
    version_info_id integer not null primary key check (version_info_id = 1),
    schema_version integer,
    library_version varchar(256)
  );
  create table studies (study_id integer not null primary key, study_name varchar(512) not null);
  create unique index ix_studies_study_name on studies (study_name);
  create table study_directions (
    study_direction_id integer not null primary key,
    direction varchar(8) not null,
    study_id integer not null references studies (study_id),
    objective integer not null,
    unique (study_id, objective)
  );
  ${attributes('study_user_attribute', 'study')}
  ${attributes('study_system_attribute', 'study')}
  create table trials (
    trial_id integer not null primary key,
    number integer,
    study_id integer references studies (study_id),
    state varchar(8) not null,
    datetime_start datetime,
    datetime_complete datetime
  );
  create index ix_trials_study_id on trials (study_id);
  ${attributes('trial_user_attribute', 'trial')}
  ${attributes('trial_system_attribute', 'trial')}
  create table trial_params (
    param_id integer not null primary key,
    trial_id integer references trials (trial_id),
    param_name varchar(512),
    param_value float,
    distribution_json text,
    unique (trial_id, param_name)
  );
  create table trial_values (
    trial_value_id integer not null primary key,
    trial_id integer not null references trials (trial_id),
    objective integer not null,
    value float,
    value_type varchar(7) not null,
    unique (trial_id, objective)
  );
  create table trial_intermediate_values (
    trial_intermediate_value_id integer not null primary key,
    trial_id integer not null references trials (trial_id),
    step integer not null,
    intermediate_value float,
    intermediate_value_type varchar(7) not null,
    unique (trial_id, step)
  );
  create table trial_heartbeats (
    trial_heartbeat_id integer not null primary key,
    trial_id integer not null unique references trials (trial_id),
    heartbeat datetime not null
  );
`;
