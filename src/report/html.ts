/** Pages as HTML: a report with its study inside, which needs no network, and the dashboard's shell. */
import { escapeMarkup } from './escape-markup.ts';
import type { StudyData } from './figures/study-data.ts';
import type { PageBundle } from './page-bundle.ts';

/** Digits of numbers in a report; the store and the exports have all. */
const DIGITS = 6;

/** A report: one file with everything in it. */
export function reportHtml(data: StudyData, { script, style }: PageBundle): string {
  // In a script element only its own end and `<!--` would be read as markup; both stand in strings only.
  const inline = (code: string) => code.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
  const json = JSON.stringify(data, (_, value: unknown) => rounded(value)).replaceAll('<', '\\u003c');
  return page({
    title: `${data.spec.name}: Tacet`,
    policy: "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:",
    head: `<style>${style}</style>`,
    body: `<script type="application/json" id="study">${json}</script>\n<script type="module">${inline(script)}</script>`,
  });
}

/** The dashboard: its script and style come from its server. */
export function dashboardHtml(): string {
  return page({
    title: 'Tacet',
    policy:
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data: blob:",
    head: '<link rel="stylesheet" href="page.css">',
    body: '<script type="module" src="page.js"></script>',
  });
}

function page(parts: {
  readonly title: string;
  readonly policy: string;
  readonly head: string;
  readonly body: string;
}): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${parts.policy}">
<link rel="icon" href="data:,">
<title>${escapeMarkup(parts.title)}</title>
${parts.head}
</head>
<body>
<div id="page"><noscript>This page draws its figures by a script.</noscript></div>
${parts.body}
</body>
</html>
`;
}

function rounded(value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value;
}
