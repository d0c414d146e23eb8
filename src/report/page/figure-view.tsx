/** A figure in a page: drawn when it comes into view, with its data as a table and as CSV. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { csvOf } from '../csv.ts';
import type { Figure, FigureDefinition } from '../figures/figure.ts';
import type { StudyData } from '../figures/study-data.ts';
import type { Theme } from '../figures/theme.ts';
import { init } from './charts.ts';
import type { Redraw } from './redraw.ts';

/** Rows of a figure's table in the page; its CSV has all. */
const ROWS_SHOWN = 100;

export interface FigureProps {
  readonly definition: FigureDefinition;
  readonly data: StudyData;
  readonly theme: Theme;
  readonly redraw: Redraw;
}

export function FigureView({ definition, data, theme, redraw }: FigureProps) {
  const holder = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof init> | undefined>(undefined);
  const visible = useRef(false);
  const drawn = useRef<string | undefined>(undefined);
  const latest = useRef({ data, theme });
  latest.current = { data, theme };
  const [figure, setFigure] = useState<Figure | string>();

  const draw = useRef(() => {
    const element = holder.current;
    if (element === null || !visible.current) return false;
    const { data: now, theme: colours } = latest.current;
    const width = frame.current?.clientWidth ?? 0;
    const key = `${colours.name} ${width} ${now.readAt}`;
    if (drawn.current === key) return false;
    drawn.current = key;
    const made = definition.build(now, colours, width);
    setFigure(made);
    element.hidden = typeof made === 'string';
    if (typeof made === 'string') return true;
    element.style.height = `${made.height}px`;
    element.style.minWidth = `${made.minWidth ?? 0}px`;
    chart.current ??= init(element, null, { renderer: 'canvas' });
    chart.current.resize();
    chart.current.setOption(made.option, { notMerge: true, lazyUpdate: false });
    return true;
  }).current;

  // New data, or another theme, is why it draws; what is out of view does when it comes into it.
  useEffect(() => {
    if (visible.current) redraw.request(draw);
  }, [data, theme]);

  useEffect(() => {
    // The frame, not the chart: what has no figure yet is hidden, but may get one.
    const element = frame.current as HTMLDivElement;
    const seen = new IntersectionObserver(
      ([entry]) => {
        visible.current = entry?.isIntersecting ?? false;
        if (visible.current) redraw.request(draw);
      },
      { rootMargin: '200px' },
    );
    const sized = new ResizeObserver(() => redraw.request(draw));
    seen.observe(element);
    sized.observe(element);
    return () => {
      seen.disconnect();
      sized.disconnect();
      redraw.cancel(draw);
      chart.current?.dispose();
    };
  }, [draw, redraw]);

  const made = typeof figure === 'object' ? figure : undefined;
  const { id, title } = definition;
  return (
    <figure id={id} class={definition.wide ? 'wide' : ''}>
      <h3>{title}</h3>
      <div ref={frame} class="scroll">
        <div ref={holder} class="chart" role="img" aria-label={`${title}. ${made?.caption ?? ''}`} />
      </div>
      <figcaption>{typeof figure === 'string' ? figure : (made?.caption ?? '')}</figcaption>
      {made && <DataTable id={id} figure={made} />}
    </figure>
  );
}

function DataTable({ id, figure }: { readonly id: string; readonly figure: Figure }) {
  const [open, setOpen] = useState(false);
  const { columns, rows } = figure.table;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Data</summary>
      {open && (
        <>
          <button type="button" onClick={() => download(`${id}.csv`, csvOf(figure.table))}>
            Save as CSV
          </button>
          <p>
            {rows.length > ROWS_SHOWN
              ? `The first ${ROWS_SHOWN} of ${rows.length} rows; the CSV has all.`
              : ''}
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard */}
          <section class="scroll" tabIndex={0} aria-label="data of the figure">
            <table>
              <thead>
                <tr>
                  {columns.map((column) => (
                    <th key={column} scope="col">
                      {column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, ROWS_SHOWN).map((row, index) => (
                  <tr key={index}>
                    {row.map((value, column) => (
                      <td key={columns[column]}>{value === null ? '' : String(value)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </>
      )}
    </details>
  );
}

/** Offers a text as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
