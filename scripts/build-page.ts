/** Builds the page of reports and of the dashboard for the package, into dist/page. */
import { buildShippedPage } from '../src/report/page-bundle.ts';

console.log(`page: ${await buildShippedPage()}`);
