/** A study as a page: where it stands, its figures, its trials. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type FigureDefinition, SECTIONS, short } from '../figures/figure.ts';
import { FIGURES } from '../figures/index.ts';
import { classOf, incumbents, objectiveOf, type StudyData, TRIAL_CLASSES } from '../figures/study-data.ts';
import { DARK, LIGHT, type Theme } from '../figures/theme.ts';
import { FigureView } from './figure-view.tsx';
import { Redraw } from './redraw.ts';
import { TrialTable } from './trial-table.tsx';

/** How often the table and what a screen reader is told follow a running search, ms. */
const SLOW_MS = 2_000;

export interface StudyPageProps {
  readonly data: StudyData;
  /** Whether more is to come: the page then leaves the machine to the search. */
  readonly live: boolean;
  readonly theme: Theme;
}

export function useTheme(): readonly [Theme, () => void] {
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const [chosen, choose] = useState<Theme>(prefersDark.matches ? DARK : LIGHT);
  useEffect(() => {
    const follow = () => choose(prefersDark.matches ? DARK : LIGHT);
    prefersDark.addEventListener('change', follow);
    return () => prefersDark.removeEventListener('change', follow);
  }, [prefersDark]);
  useEffect(() => {
    document.documentElement.dataset.theme = chosen.name;
  }, [chosen]);
  return [chosen, () => choose(chosen === DARK ? LIGHT : DARK)];
}

export function StudyPage({ data, live, theme }: StudyPageProps) {
  const redraw = useMemo(() => new Redraw(live), [live]);
  const slow = useSlow(data, live);
  return (
    <main id="main">
      <Standing data={data} />
      <p class="unseen" role="status">
        {live ? standingText(slow) : ''}
      </p>
      {SECTIONS.map((section) => (
        <FigureSection
          key={section}
          name={section}
          definitions={FIGURES.filter((one) => one.section === section)}
          {...{ data, theme, redraw }}
        />
      ))}
      <TrialTable data={slow} />
      <Setup data={data} />
    </main>
  );
}

/** The latest data, but no more often than every two seconds. */
function useSlow(data: StudyData, live: boolean): StudyData {
  const [slow, setSlow] = useState(data);
  useEffect(() => {
    if (!live) setSlow(data);
    const wait = Math.max(0, slow.readAt + SLOW_MS - data.readAt);
    const timer = setTimeout(() => setSlow(data), slow.spec.name === data.spec.name ? wait : 0);
    return () => clearTimeout(timer);
  }, [data, live, slow]);
  return live ? slow : data;
}

function FigureSection(props: {
  readonly name: string;
  readonly definitions: readonly FigureDefinition[];
  readonly data: StudyData;
  readonly theme: Theme;
  readonly redraw: Redraw;
}) {
  const { name, definitions, ...rest } = props;
  const id = `section-${name.toLowerCase().replaceAll(' ', '-')}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{name}</h2>
      <div class="figures">
        {definitions.map((definition) => (
          <FigureView key={definition.id} definition={definition} {...rest} />
        ))}
      </div>
    </section>
  );
}

export function standingText(data: StudyData): string {
  const best = incumbents(data).at(-1);
  const ended = data.trials.filter(({ finishOrder }) => finishOrder !== undefined).length;
  const said =
    best === undefined
      ? 'none feasible yet'
      : `best ${short(objectiveOf(best) as number)}, trial ${best.number}`;
  return `${ended} of ${data.spec.trials} trials have ended; ${said}.`;
}

function Standing({ data }: { readonly data: StudyData }) {
  const counts = Map.groupBy(data.trials, classOf);
  const best = incumbents(data).at(-1);
  const ended = data.trials.filter(({ finishOrder }) => finishOrder !== undefined).length;
  const known = TRIAL_CLASSES.map((name) => [name, counts.get(name)?.length ?? 0] as const);
  return (
    <section aria-label="Where the study stands">
      <p>{data.summary}</p>
      <dl class="standing">
        <div>
          <dt>trials</dt>
          <dd data-count="ended">
            {ended} / {data.spec.trials}
          </dd>
        </div>
        {known.map(([name, count]) => (
          <div key={name} class={name}>
            <dt>{name}</dt>
            <dd data-count={name}>{count}</dd>
          </div>
        ))}
        <div class="best">
          <dt>best</dt>
          <dd data-count="best">{best === undefined ? '–' : short(objectiveOf(best) as number)}</dd>
        </div>
      </dl>
      <progress max={data.spec.trials} value={ended} aria-label="trials that have ended" />
      {best && (
        <details>
          <summary>The best: trial {best.number}</summary>
          <dl class="values">
            {Object.entries(best.values).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{typeof value === 'number' ? short(value) : value}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function Setup({ data: { spec, createdAt, readAt } }: { readonly data: StudyData }) {
  const entries: (readonly [string, unknown])[] = [
    ['recipe', spec.recipe],
    ['seed', spec.seed],
    ['begun', new Date(createdAt).toLocaleString()],
    ['as of', new Date(readAt).toLocaleString()],
    ...Object.entries(spec.optimizer).map(([key, value]) => [`optimizer ${key}`, value] as const),
    ...Object.entries(spec.settings),
  ];
  return (
    <section aria-labelledby="setup">
      <h2 id="setup">Setup</h2>
      <dl class="values">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === 'object' ? JSON.stringify(value) : String(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
