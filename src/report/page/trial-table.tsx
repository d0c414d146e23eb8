/** The table of trials: filters, an order, pages. */
import { useMemo, useState } from 'preact/hooks';
import type { TrialRecord } from '../../study/store.ts';
import { csvOf } from '../csv.ts';
import { type Cell, short } from '../figures/figure.ts';
import { classOf, objectiveOf, type StudyData, TRIAL_CLASSES } from '../figures/study-data.ts';
import { meets, parseConditions } from './conditions.ts';
import { download } from './figure-view.tsx';

const PAGE = 25;

type Row = Readonly<Record<string, Cell>>;

export function TrialTable({ data }: { readonly data: StudyData }) {
  const [filter, setFilter] = useState('');
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [order, setOrder] = useState({ column: 'trial', down: true });
  const [page, setPage] = useState(0);
  const columns = useMemo(() => columnsOf(data), [data]);
  const conditions = parseConditions(filter, columns);
  const problem = 'problem' in conditions ? conditions.problem : undefined;
  const rows = useMemo(() => {
    const kept = data.trials
      .map((trial) => rowOf(trial, data))
      .filter((row) => !hidden.has(String(row.class)) && ('problem' in conditions || meets(row, conditions)));
    return kept.sort((a, b) => compare(a[order.column] ?? null, b[order.column] ?? null, order.down));
  }, [data, filter, hidden, order]);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  const at = Math.min(page, pages - 1);
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  return (
    <section aria-labelledby="trials">
      <h2 id="trials">Trials</h2>
      <div class="controls">
        <fieldset>
          <legend>Show</legend>
          {TRIAL_CLASSES.map((name) => (
            <label key={name}>
              <input type="checkbox" checked={!hidden.has(name)} onChange={() => toggle(name)} /> {name}
            </label>
          ))}
        </fieldset>
        <label class="grow">
          Filter{' '}
          <input
            type="search"
            value={filter}
            placeholder="map_size>500 decoder=vote objective>=0.7"
            aria-invalid={problem !== undefined}
            aria-describedby="filter-note"
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        <button
          type="button"
          onClick={() =>
            download(
              'trials.csv',
              csvOf({ columns, rows: rows.map((row) => columns.map((column) => row[column] ?? null)) }),
            )
          }
        >
          Save as CSV
        </button>
      </div>
      <p id="filter-note" class={problem === undefined ? 'note' : 'note problem'} role="status">
        {problem ?? `${rows.length} of ${data.trials.length} trials`}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard */}
      <section class="scroll" aria-label="table of trials" tabIndex={0}>
        <table class="trials">
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column}
                  scope="col"
                  aria-sort={order.column === column ? (order.down ? 'descending' : 'ascending') : 'none'}
                >
                  <button
                    type="button"
                    onClick={() => setOrder({ column, down: order.column === column ? !order.down : true })}
                  >
                    {column}
                    {order.column === column ? (order.down ? ' ▾' : ' ▴') : ''}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(at * PAGE, (at + 1) * PAGE).map((row) => (
              <tr key={row.trial} class={String(row.class)}>
                {columns.map((column) => (
                  <td key={column} title={row[column] === null ? '' : String(row[column])}>
                    {shown(row[column] ?? null)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <nav class="controls" aria-label="Pages of the table">
        <button type="button" disabled={at === 0} onClick={() => setPage(at - 1)}>
          Before
        </button>
        <span>
          page {at + 1} of {pages}
        </span>
        <button type="button" disabled={at >= pages - 1} onClick={() => setPage(at + 1)}>
          Next
        </button>
      </nav>
    </section>
  );
}

function columnsOf({ spec, constraints }: StudyData): string[] {
  const { parameters } = spec.space as { readonly parameters?: object };
  return [
    'trial',
    'class',
    'objective',
    ...constraints,
    ...Object.keys(parameters ?? {}),
    'seconds',
    'device',
    'reason',
  ];
}

function rowOf(trial: TrialRecord, { constraints }: StudyData): Row {
  const { number, values, outcome } = trial;
  return {
    ...values,
    trial: number,
    class: classOf(trial),
    objective: objectiveOf(trial) ?? null,
    ...Object.fromEntries(constraints.map((name, index) => [name, outcome?.constraints[index] ?? null])),
    seconds: outcome?.seconds ?? null,
    device: outcome?.device ?? null,
    reason: outcome?.reason ?? null,
  };
}

/** What has no value comes last, whichever the direction. */
function compare(a: Cell, b: Cell, down: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  return down ? -order : order;
}

function shown(value: Cell): string {
  return value === null ? '' : typeof value === 'number' ? short(value) : value;
}
