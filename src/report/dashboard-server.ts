/**
 * The dashboard's server: the page, and server-sent events with what is new in a store. It only reads, from a process of
 * its own, so a search that writes to the same store is not held up by it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Store } from '../study/store.ts';
import { StudyError } from '../study/store.ts';
import { dashboardHtml } from './html.ts';
import type { PageBundle } from './page-bundle.ts';
import { StudyFeed, studyEntry } from './study-feed.ts';

/** How often the store is looked at, ms: five times a second. */
const LOOK_MS = 200;
/** How often the list of studies is read again, in looks. */
const LOOKS_PER_LIST = 10;
/** How often an idle connection gets a sign of life, in looks. */
const LOOKS_PER_SIGN = 75;

export interface DashboardOptions {
  readonly page: PageBundle;
  /** Whether requests under a name that is not this machine's are refused: a web page elsewhere could send them. */
  readonly loopbackOnly: boolean;
}

/** A server that does not listen yet. */
export function dashboardServer(store: Store, { page, loopbackOnly }: DashboardOptions): Server {
  const files: Readonly<Record<string, readonly [type: string, content: string]>> = {
    '/': ['text/html', dashboardHtml()],
    '/page.js': ['text/javascript', page.script],
    '/page.css': ['text/css', page.style],
  };
  return createServer((request, response) => {
    if (loopbackOnly && !isOwnName(request)) {
      answer(response, 403, 'text/plain', 'This dashboard is for its own machine only.\n');
      return;
    }
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const file = files[pathname];
    if (request.method !== 'GET') answer(response, 405, 'text/plain', 'Only GET is answered here.\n');
    else if (file !== undefined) answer(response, 200, file[0], file[1]);
    else if (pathname === '/events') new Follower(store, searchParams.get('study'), response);
    else answer(response, 404, 'text/plain', 'There is nothing here; the dashboard is at /.\n');
  });
}

function answer(response: ServerResponse, status: number, type: string, content: string): void {
  response
    .writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
    })
    .end(content);
}

/** Against pages elsewhere whose name leads to this machine (DNS rebinding). */
function isOwnName({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}

/** One connection of one page: the list of studies, and a study. */
class Follower {
  readonly #store: Store;
  readonly #response: ServerResponse;
  #name: string | null;
  #feed: StudyFeed | undefined;
  #looking = false;
  #looks = 0;
  #listed = '';

  constructor(store: Store, name: string | null, response: ServerResponse) {
    this.#store = store;
    this.#name = name;
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    const timer = setInterval(() => void this.#look(), LOOK_MS);
    response.on('close', () => clearInterval(timer));
    void this.#look();
  }

  async #look(): Promise<void> {
    // A page that does not read, such as one asleep, is sent nothing more until it does.
    if (this.#looking || this.#response.writableNeedDrain) return;
    this.#looking = true;
    try {
      if (this.#looks % LOOKS_PER_LIST === 0) await this.#list();
      this.#looks += 1;
      await this.#follow();
    } catch (error) {
      // The store is locked, out of reach, or was moved away: a later look may find it again.
      if (!(error instanceof StudyError)) this.#response.destroy(error as Error);
    } finally {
      this.#looking = false;
    }
    if (this.#looks % LOOKS_PER_SIGN === 0) this.#response.write(': still here\n\n');
  }

  async #list(): Promise<void> {
    const studies = await this.#store.studies();
    this.#name ??= studies.at(-1)?.spec.name ?? null;
    const list = JSON.stringify(studies.map(studyEntry));
    if (list === this.#listed) return;
    this.#listed = list;
    this.#send('studies', list);
  }

  async #follow(): Promise<void> {
    if (this.#name === null) return;
    if (this.#feed === undefined) {
      this.#feed = await StudyFeed.of(this.#store, this.#name);
      this.#send('study', JSON.stringify(this.#feed.first));
      return;
    }
    const change = await this.#feed.change();
    if (change !== undefined) this.#send('change', JSON.stringify(change));
  }

  #send(event: string, json: string): void {
    this.#response.write(`event: ${event}\ndata: ${json}\n\n`);
  }
}
