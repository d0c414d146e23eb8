/** The page: a report with its study inside, or a dashboard that asks its server. */
import { render } from 'preact';
import { useState } from 'preact/hooks';
import type { StudyData } from '../figures/study-data.ts';
import { useLive } from './live.ts';
import { StudyPage, useTheme } from './study-page.tsx';

function Header(props: {
  readonly title: string;
  readonly toggle: () => void;
  readonly children?: preact.ComponentChildren;
}) {
  return (
    <header>
      <a class="skip" href="#main">
        Skip to the study
      </a>
      <h1>{props.title}</h1>
      {props.children}
      <button type="button" onClick={props.toggle}>
        Light / dark
      </button>
    </header>
  );
}

function Report({ data }: { readonly data: StudyData }) {
  const [theme, toggle] = useTheme();
  return (
    <>
      <Header title={data.spec.name} toggle={toggle} />
      <StudyPage data={data} live={false} theme={theme} />
    </>
  );
}

function Dashboard() {
  const [theme, toggle] = useTheme();
  const [chosen, choose] = useState(new URLSearchParams(location.search).get('study') ?? undefined);
  const { studies, data, connected } = useLive(chosen);
  const select = (name: string) => {
    history.replaceState(null, '', `?study=${encodeURIComponent(name)}`);
    choose(name);
  };
  const shown = data?.spec.name;
  // A study may be given a larger budget while it is looked at; the list says so.
  const budget = studies.find(({ name }) => name === shown)?.trials;
  const current = data && budget !== undefined ? { ...data, spec: { ...data.spec, trials: budget } } : data;
  return (
    <>
      <Header title={shown ?? 'Tacet'} toggle={toggle}>
        <label>
          Study{' '}
          <select value={shown} onChange={(event) => select(event.currentTarget.value)}>
            {studies.map(({ name, trials, ended }) => (
              <option key={name} value={name}>
                {name} ({ended}/{trials})
              </option>
            ))}
          </select>
        </label>
        <span class={connected ? 'live on' : 'live'} role="status">
          {connected ? 'live' : 'not connected: trying again'}
        </span>
      </Header>
      {current ? (
        <StudyPage key={shown} data={current} live={true} theme={theme} />
      ) : (
        <main id="main">
          <p>
            {connected
              ? 'The store has no studies yet; this page shows the first one once it begins.'
              : 'Connecting …'}
          </p>
        </main>
      )}
    </>
  );
}

const root = document.getElementById('page') as HTMLElement;
const embedded = document.getElementById('study')?.textContent;
render(embedded ? <Report data={JSON.parse(embedded) as StudyData} /> : <Dashboard />, root);
