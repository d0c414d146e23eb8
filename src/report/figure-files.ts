/** Figures as files: SVG drawn without a browser, PNG made from it, and the data as CSV. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { csvOf } from './csv.ts';
import { escapeMarkup } from './escape-markup.ts';
import type { Figure, FigureDefinition } from './figures/figure.ts';
import { LAYOUT_WIDTH } from './figures/figure.ts';
import { FIGURES } from './figures/index.ts';
import type { StudyData } from './figures/study-data.ts';
import { LIGHT } from './figures/theme.ts';
import { pngWriter } from './png.ts';

type FigureDrawing = (definition: Pick<FigureDefinition, 'title'>, figure: Figure) => string;

/**
 * What draws figures as SVG, each with its title and its caption for screen readers. Loaded when it is first needed:
 * other commands should not wait for it.
 */
export async function svgWriter(): Promise<FigureDrawing> {
  const echarts = await import('echarts');
  return (definition, figure) => figureSvg(echarts, definition, figure);
}

function figureSvg(
  echarts: typeof import('echarts'),
  { title }: Pick<FigureDefinition, 'title'>,
  { option, height, caption }: Figure,
): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: LAYOUT_WIDTH, height });
  try {
    chart.setOption(option);
    const svg = chart.renderToSVGString();
    const head = svg.indexOf('>') + 1;
    return `${svg.slice(0, head)}<title>${escapeMarkup(title)}</title><desc>${escapeMarkup(caption)}</desc>${svg.slice(head)}\n`;
  } finally {
    chart.dispose();
  }
}

export interface WrittenFigures {
  /** Figures that were written, each as `<id>.svg`, `<id>.csv` and, where possible, `<id>.png`. */
  readonly written: readonly string[];
  /** Figures that these data don't have, and why. */
  readonly missing: readonly { readonly id: string; readonly reason: string }[];
  /** Why there are no PNGs, where there are none. */
  readonly withoutPng?: string;
}

/**
 * Writes all figures of a study into a folder, which is made when it is not there.
 *
 * @param onFigure is told of each figure before it is drawn
 */
export async function writeFigures(
  data: StudyData,
  folder: string,
  onFigure: (id: string) => void = () => {},
): Promise<WrittenFigures> {
  mkdirSync(folder, { recursive: true });
  const draw = await svgWriter();
  const png = await pngWriter();
  const written: string[] = [];
  const missing: { id: string; reason: string }[] = [];
  for (const definition of FIGURES) {
    const { id } = definition;
    const figure = definition.build(data, LIGHT, LAYOUT_WIDTH);
    if (typeof figure === 'string') {
      missing.push({ id, reason: figure });
      continue;
    }
    onFigure(id);
    const svg = draw(definition, figure);
    writeFileSync(join(folder, `${id}.svg`), svg);
    writeFileSync(join(folder, `${id}.csv`), csvOf(figure.table));
    if (typeof png !== 'string') writeFileSync(join(folder, `${id}.png`), png(svg));
    written.push(id);
  }
  return { written, missing, ...(typeof png === 'string' ? { withoutPng: png } : {}) };
}
