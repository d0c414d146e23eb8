import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEVICE, jsonLines, tacet, temporaryFolder } from './tacet.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const SMALL = ['--set', 'neurons=30', '--set', 'degree=6', '--duration', '100', '--device', DEVICE];

describe('tacet lyapunov', () => {
  it('prints spectra with their errors and writes a figure', async () => {
    const output = join(folder.path, 'spectrum.svg');
    const { code, stdout, stderr } = await tacet(
      ['lyapunov', 'hrsnn', ...SMALL, '--exponents', '4', '-o', output],
      folder.path,
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('state of 60 variables, route saltation');
    expect(stdout.match(/^│ +\d │.* ± /gm)?.length).toBe(4);
    const figure = readFileSync(output, 'utf8');
    expect(figure.match(/<circle/g)?.length).toBe(4);
    expect(figure.endsWith('</svg>\n')).toBe(true);
  });

  it('writes a PNG too, or says what this machine lacks for it', async () => {
    const output = join(folder.path, 'spectrum.png');
    const { code, stderr } = await tacet(
      ['lyapunov', 'hrsnn', ...SMALL, '--exponents', '2', '-o', output],
      folder.path,
    );
    if (code === 0) expect(readFileSync(output).subarray(1, 4).toString()).toBe('PNG');
    else {
      expect(code).toBe(2);
      expect(stderr).toMatch(/spectrum\.png can't be made: .*or give a name that ends in \.svg/);
    }
  });

  it('prints JSON lines, one for each input, with the participation where it is asked for', async () => {
    const options = [
      '--route',
      'surrogate',
      '--inputs',
      '2',
      '--exponents',
      '3',
      '--json',
      '--participation',
    ];
    const { code, stdout } = await tacet(['lyapunov', 'hrsnn', ...SMALL, ...options], folder.path);
    expect(code).toBe(0);
    type Line = Record<string, unknown>;
    const [first, second, last] = jsonLines(stdout) as [Line, Line, Line];
    expect([first.kind, second.kind, last.kind]).toEqual(['spectrum', 'spectrum', 'lyapunov']);
    expect([first.seed, second.seed]).toEqual([0, 1]);
    expect(first.surrogate).toEqual({ shape: 'fast-sigmoid', sharpness: 10, reset: 'detached' });
    expect((first.exponentsPerSecond as number[]).length).toBe(3);
    expect((first.participation as number[][]).length).toBe(30);
  });

  it.each([
    [['coba'], /network "coba" has conductances: .* use current channels/],
    [['hrsnn', '--exponents', '61', ...SMALL], /exponents is 61: give a whole number from 1 to 60/],
    [['hrsnn', '--exponents', 'some'], /Give a whole number of at least 1/],
    [['hrsnn', '-o', 'figure.pdf'], /give a name that ends in .svg or .png/],
    [['hrsnn', '--route', 'guess'], /Allowed choices are saltation, surrogate, rate/],
  ])('bad input ends with exit code 2 and one line: %j', async (args, message) => {
    const { code, stderr } = await tacet(['lyapunov', ...args], folder.path);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
  });
});
