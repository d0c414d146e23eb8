/**
 * A headless Chromium, driven by its DevTools protocol: no more of it than the tests of pages need. It comes with the
 * optional package `@sparticuz/chromium`, for Linux x64, and needs system libraries that a bare machine may lack.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

/** Where the unpacked browser is kept between runs. */
const KEPT = fileURLToPath(new URL('../../node_modules/.cache/tacet-chromium', import.meta.url));

const FLAGS = [
  '--headless=shell',
  '--no-sandbox',
  '--no-zygote',
  '--single-process',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--font-render-hinting=none',
  '--hide-scrollbars',
  '--remote-debugging-port=0',
];

/** How long a browser may take to start, and an answer to come, ms: it shares a slow machine with other tests. */
const START_MS = 60_000;
const ANSWER_MS = 90_000;

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** The browser's file; or why there is none. */
function unpackedChromium(): { readonly file: string } | { readonly reason: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: 'there is a headless Chromium for Linux x64 only' };
  }
  let packed: string;
  try {
    const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
    packed = join(dirname(entry), '..', '..', 'bin', 'chromium.br');
  } catch {
    return { reason: '@sparticuz/chromium is not installed' };
  }
  const file = join(KEPT, 'chromium');
  if (!existsSync(file)) {
    mkdirSync(KEPT, { recursive: true });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, brotliDecompressSync(readFileSync(packed)));
    chmodSync(temporary, 0o755);
    renameSync(temporary, file);
  }
  return { file };
}

/** One page of a browser. */
export class Browser implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #last = 0;
  /** Errors that the page threw or logged. */
  readonly errors: string[] = [];
  /** Addresses that the page asked the network for. */
  readonly requests: string[] = [];

  private constructor(child: ChildProcess, folder: string, socket: WebSocket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Answer));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** A browser with an empty page, or why there is none. */
  static async start(): Promise<Browser | string> {
    const chromium = unpackedChromium();
    if ('reason' in chromium) return chromium.reason;
    const folder = mkdtempSync(join(tmpdir(), 'tacet-browser-'));
    const child = spawn(chromium.file, [...FLAGS, `--user-data-dir=${folder}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const port = await portOf(child);
    if (typeof port === 'string') {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      return port;
    }
    const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
      readonly type: string;
      readonly webSocketDebuggerUrl: string;
    }[];
    const page = pages.find(({ type }) => type === 'page');
    const socket = new WebSocket(page?.webSocketDebuggerUrl ?? '');
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the browser does not answer')));
    });
    const browser = new Browser(child, folder, socket);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await browser.send(`${domain}.enable`);
    return browser;
  }

  send(method: string, params: object = {}): Promise<unknown> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
      this.#pending.set(id, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Width and height of the page, pixels. */
  async resize(width: number, height: number): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
  }

  async open(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
  }

  /** The value of an expression in the page. */
  async value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { readonly result: { readonly value: T }; readonly exceptionDetails?: { readonly text: string } };
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Waits until an expression in the page is true. */
  async until(expression: string): Promise<void> {
    for (const started = Date.now(); Date.now() - started < ANSWER_MS; ) {
      if (await this.value<boolean>(`Boolean(${expression})`)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the page never had ${expression}; its errors: ${this.errors.join('; ')}`);
  }

  async press(key: string): Promise<void> {
    for (const type of ['keyDown', 'keyUp']) {
      await this.send('Input.dispatchKeyEvent', {
        type,
        key,
        code: key,
        windowsVirtualKeyCode: key === 'Tab' ? 9 : 13,
      });
    }
  }

  /** The page as PNG: what is in view, or, given a height, from its top down to there. */
  async screenshot(file: string): Promise<void> {
    const { data } = (await this.send('Page.captureScreenshot', { format: 'png' })) as {
      readonly data: string;
    };
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #take({ id, method, params, result, error }: Answer): void {
    if (id !== undefined) {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) pending?.reject(new Error(error.message));
      else pending?.resolve(result);
    }
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.errors.push(JSON.stringify(params));
    if (method === 'Network.requestWillBeSent') {
      this.requests.push((params as { readonly request: { readonly url: string } }).request.url);
    }
  }
}

/** The port that a browser listens at; or why it does not. */
function portOf(child: ChildProcess): Promise<number | string> {
  let said = '';
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`the browser did not start: ${said.slice(-300)}`), START_MS);
    const end = (answer: number | string) => {
      clearTimeout(timer);
      resolve(answer);
    };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const port = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(said)?.[1];
      if (port !== undefined) end(Number(port));
    });
    child.on('error', (error) => end(error.message));
    child.on('exit', () => end(`the browser does not run here: ${said.slice(-300)}`));
  });
}
