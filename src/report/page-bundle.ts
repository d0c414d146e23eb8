/**
 * The page's script and style: built by vite. A package ships them; in a clone they are built when they are first
 * needed and kept as long as their sources stay as they are.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PageBundle {
  /** An ES module without imports. */
  readonly script: string;
  readonly style: string;
}

const isClone = import.meta.url.endsWith('.ts');
const root = fileURLToPath(new URL(isClone ? '../..' : '../../..', import.meta.url));
/** Where a package has the page. */
const SHIPPED = join(root, 'dist', 'page');

export async function pageBundle(): Promise<PageBundle> {
  if (!isClone) return readBundle(SHIPPED);
  const kept = join(root, 'node_modules', '.cache', 'tacet-page', sourcesHash());
  if (!existsSync(join(kept, 'page.js'))) writeBundle(await buildPage(), kept);
  return readBundle(kept);
}

/** Builds the page for the package. */
export async function buildShippedPage(): Promise<string> {
  writeBundle(await buildPage(), SHIPPED);
  return SHIPPED;
}

function readBundle(folder: string): PageBundle {
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return { script: read('page.js'), style: read('page.css') };
}

function writeBundle({ script, style }: PageBundle, folder: string): void {
  mkdirSync(folder, { recursive: true });
  // The script last and at once: where it is, all is.
  writeFileSync(join(folder, 'page.css'), style);
  const temporary = join(folder, `page.${process.pid}.tmp`);
  writeFileSync(temporary, script);
  renameSync(temporary, join(folder, 'page.js'));
}

async function buildPage(): Promise<PageBundle> {
  const { build } = await import('vite');
  const page = join(root, 'src', 'report', 'page');
  const built = await build({
    configFile: false,
    root: page,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2022',
      rollupOptions: { input: join(page, 'main.tsx') },
      modulePreload: false,
    },
  });
  const [output] = [built].flat();
  if (output === undefined || !('output' in output)) throw new Error('vite built no page');
  const script = output.output.find(({ type }) => type === 'chunk');
  if (script?.type !== 'chunk') throw new Error('vite built no script');
  return { script: script.code, style: readFileSync(join(page, 'style.css'), 'utf8') };
}

/** Of all sources that the page may be made of, and of the versions of its packages. */
function sourcesHash(): string {
  const hash = createHash('sha256');
  const folders = ['src/report', 'src/report/page', 'src/report/figures', 'src/study', 'src/search'];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      hash.update(entry.name).update(readFileSync(join(root, folder, entry.name)));
    }
  }
  for (const name of ['echarts', 'preact', 'vite', 'fflate']) {
    hash.update(readFileSync(join(root, 'node_modules', name, 'package.json')));
  }
  return hash.digest('hex').slice(0, 16);
}
