/** The version of the package. */
import { readFileSync } from 'node:fs';

/** As package.json has it; `unknown` where that is not to be found. */
export function packageVersion(): string {
  // From src in a clone, from dist/src in an installed package.
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        version: string;
      };
      return version;
    } catch {
      // Not there: one folder further up.
    }
  }
  return 'unknown';
}
