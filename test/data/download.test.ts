import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fetched, type RemoteFile } from '../../src/data/download.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251));
const md5 = createHash('md5').update(content).digest('hex');

describe('downloads', () => {
  let server: Server;
  let root: string;
  const requests: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'tacet-download-'));
  const remote = (...paths: string[]): RemoteFile => ({
    name: 'sets/file.bin',
    urls: paths.map((path) => `${root}/${path}`),
    checksum: { kind: 'md5', value: md5 },
  });
  const place = join(folder, 'sets/file.bin');

  const answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/whole': (_, response) => response.end(content),
    '/other': (_, response) => response.end(Buffer.from('another file')),
    '/empty': (_, response) => response.writeHead(202).end(),
    '/gone': (_, response) => response.writeHead(404).end('no'),
    // Breaks off in the middle at first; then goes on where it is asked to.
    '/breaks': (request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (from > 0) {
        response.writeHead(206, {
          'content-length': content.length - from,
          'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
        });
        response.end(content.subarray(from));
        return;
      }
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
    },
    // The same, but knows no ranges.
    '/forgets': (_, response) => {
      if (requests.filter((request) => request.startsWith('/forgets')).length > 1) {
        response.end(content);
        return;
      }
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
    },
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(`${request.url} ${request.headers.range ?? ''}`.trim());
      const answer = answers[request.url ?? ''];
      if (answer) answer(request, response);
      else response.writeHead(500).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    rmSync(join(folder, 'sets'), { recursive: true, force: true });
    requests.length = 0;
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('are kept, and fetched once', async () => {
    const seen: number[] = [];
    expect(await fetched(remote('whole'), { folder, onProgress: (bytes) => seen.push(bytes) })).toBe(place);
    expect(readFileSync(place).equals(content)).toBe(true);
    expect(seen.at(-1)).toBe(content.length);
    await fetched(remote('whole'), { folder });
    expect(requests.length).toBe(1);
  });

  it('go on where they were interrupted', async () => {
    await expect(fetched(remote('breaks'), { folder })).rejects.toMatchObject({ code: 'download' });
    expect(existsSync(place)).toBe(false);
    await fetched(remote('breaks'), { folder });
    expect(readFileSync(place).equals(content)).toBe(true);
    expect(requests[1]).toMatch(/bytes=\d+-/);
  });

  it('begin again where the server can not go on', async () => {
    await expect(fetched(remote('forgets'), { folder })).rejects.toMatchObject({ code: 'download' });
    await fetched(remote('forgets'), { folder });
    expect(readFileSync(place).equals(content)).toBe(true);
  });

  it('with the wrong checksum are not kept', async () => {
    await expect(fetched(remote('other'), { folder })).rejects.toThrow(/file.bin has the md5 .* try again/);
    expect(existsSync(place) || existsSync(`${place}.partial`)).toBe(false);
  });

  it('try the next source', async () => {
    await fetched(remote('empty', 'gone', 'other', 'whole'), { folder });
    expect(requests).toEqual(['/empty', '/gone', '/other', '/whole']);
    expect(readFileSync(place).equals(content)).toBe(true);
  });

  it('name what each source said, and what to do', async () => {
    const failure = fetched(remote('empty', 'gone'), { folder });
    await expect(failure).rejects.toThrow(
      /empty: the server answers 202.*gone: the server answers 404.*other means to/s,
    );
  });

  it('say that the disk is full, and try no other source', async () => {
    const write = async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    const failure = fetched(remote('whole', 'whole'), { folder, write });
    await expect(failure).rejects.toMatchObject({ code: 'disk' });
    await expect(failure).rejects.toThrow(/no space left.*make room/);
    expect(requests.length).toBe(1);
    expect(existsSync(place)).toBe(false);
  });

  it('need a folder', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await expect(fetched(remote('whole'), { folder: file })).rejects.toMatchObject({ code: 'disk' });
  });

  it('stop when they are told to', async () => {
    const controller = new AbortController();
    const stopping = fetched(remote('whole', 'whole'), {
      folder,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(stopping).rejects.toThrow('enough');
    expect(requests.length).toBe(1);
  });
});
