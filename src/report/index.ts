/** The door of reports: a study as plain data, its figures, its page. */
export { collectStudy } from './collect.ts';
export { svgWriter, type WrittenFigures, writeFigures } from './figure-files.ts';
export type { Figure, FigureDefinition, FigureTable } from './figures/figure.ts';
export { FIGURES } from './figures/index.ts';
export type { StudyData } from './figures/study-data.ts';
export { reportHtml } from './html.ts';
export { type PageBundle, pageBundle } from './page-bundle.ts';
