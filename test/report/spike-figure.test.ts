import { describe, expect, it } from 'vitest';
import { linearAxis, roundStep } from '../../src/report/axis.ts';
import { rasterRows, spikeFigure } from '../../src/report/spike-figure.ts';
import { terminalRaster } from '../../src/report/terminal-raster.ts';

const POPULATIONS = [
  { name: 'a & <b>', first: 0, count: 3 },
  { name: 'c', first: 3, count: 1 },
];

const SPIKES = {
  dtMs: 1,
  firstStep: 0,
  steps: 144,
  neurons: 4,
  step: Uint32Array.of(0, 0, 10, 143),
  neuron: Uint32Array.of(0, 3, 1, 0),
};

describe('axis', () => {
  it('has round ticks and places values between its ends', () => {
    const axis = linearAxis([0, 1], [100, 200], 4);
    expect(axis.ticks).toEqual([0, 0.5, 1]);
    expect(axis.at(0.25)).toBe(125);
    expect(linearAxis([0, 0.3], [0, 1], 3).ticks).toEqual([0, 0.1, 0.2, 0.3]);
    expect(linearAxis([95, 1003], [0, 1], 5).ticks).toEqual([200, 400, 600, 800, 1000]);
  });

  it.each([
    [0.8, 1],
    [1, 1],
    [1.1, 2],
    [0.03, 0.05],
    [600, 1000],
  ])('rounds a step of %f to %f', (size, step) => {
    expect(roundStep(size)).toBeCloseTo(step, 12);
  });
});

describe('rows of a raster', () => {
  it('are all neurons where they fit', () => {
    expect(rasterRows(POPULATIONS, 10)).toEqual({
      rows: 4,
      rowOf: new Map([
        [0, 0],
        [1, 1],
        [2, 2],
        [3, 3],
      ]),
    });
  });

  it('are shares of the populations, and of each at least one, where they do not', () => {
    const { rows, rowOf } = rasterRows(
      [
        { name: 'large', first: 0, count: 10_000 },
        { name: 'small', first: 10_000, count: 5 },
      ],
      100,
    );
    expect(rows).toBe(101);
    expect([...rowOf.keys()].filter((neuron) => neuron >= 10_000)).toEqual([10_002]);
    expect([...rowOf.keys()].slice(0, 3)).toEqual([50, 150, 250]);
  });
});

describe('figure of spikes', () => {
  const figure = spikeFigure({ title: 'a "title"', spikes: SPIKES, populations: POPULATIONS });

  it('is one SVG that needs nothing else, with its texts escaped', () => {
    expect(figure).toMatch(
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]*>\n<title>a &#34;title&#34;<\/title>/,
    );
    expect(figure.match(/<svg/g)?.length).toBe(1);
    expect(figure).toContain('a &#38; &#60;b&#62;');
    expect(figure).not.toMatch(/href|<script|<style|NaN|undefined|Infinity/);
    // Every element is closed: as many openings as ends.
    const opened = [...figure.matchAll(/<([a-z]+)(?:\s[^<>]*)?>/g)].filter(([tag]) => !tag.endsWith('/>'));
    const closed = [...figure.matchAll(/<\/([a-z]+)>/g)];
    expect(opened.map(([, name]) => name).sort()).toEqual(closed.map(([, name]) => name).sort());
  });

  it('has a mark for each spike, at its time and in its neuron’s row', () => {
    const paths = [...figure.matchAll(/d="([^"]+)" stroke="#[0-9a-f]+" stroke-width/g)].map(([, d]) => d);
    const marks = [...paths.join('').matchAll(/M([\d.]+) ([\d.]+)v/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    // Those of population a first; time 0 at 64, 144 ms at 856; rows of 82.5 pixels from the bottom, at 394.
    const row = (k: number) => 394 - (k + 0.5) * 82.5 - 2;
    const at = (step: number) => 64 + (792 * step) / 144;
    const expected = [
      [at(0), row(0)],
      [at(10), row(1)],
      [at(143), row(0)],
      [at(0), row(3)],
    ];
    expect(marks.length).toBe(4);
    marks.forEach(([x, y], k) => {
      expect(Math.abs(x! - expected[k]![0]!)).toBeLessThanOrEqual(0.051);
      expect(Math.abs(y! - expected[k]![1]!)).toBeLessThanOrEqual(0.051);
    });
  });

  it('says the rates, and the neurons that it shows', () => {
    // Three spikes of three neurons in 144 ms.
    expect(figure).toContain('6.94 Hz');
    expect(figure).toContain('>neuron</text>');
    const many = { ...SPIKES, neurons: 4000 };
    expect(
      spikeFigure({ title: 't', spikes: many, populations: [{ name: 'n', first: 0, count: 4000 }] }),
    ).toContain('300 of 4,000 neurons');
  });

  it('can be drawn where nothing spikes', () => {
    const none = { ...SPIKES, step: new Uint32Array(0), neuron: new Uint32Array(0) };
    expect(spikeFigure({ title: 't', spikes: none, populations: POPULATIONS })).not.toMatch(/NaN|Infinity/);
  });
});

describe('raster in a terminal', () => {
  it('has a dot for each spike and bars for the rate', () => {
    const lines = terminalRaster(SPIKES, POPULATIONS);
    expect(lines.length).toBe(2);
    const [dots, bars] = lines as [string, string];
    expect(dots.length).toBe(72);
    // Neuron 0 is the lowest of four rows: dot 7 of the first cell, and neuron 3 the highest: dot 1.
    expect(dots[0]).toBe('⡁');
    // Step 10 is the left half of cell 5, neuron 1 the third row; step 143 the right half of the last cell.
    expect(dots[5]).toBe('⠄');
    expect(dots[71]).toBe('⢀');
    expect([...dots].filter((cell) => cell !== '\u2800').length).toBe(3);
    // Two spikes of four neurons in the first 2 ms: 250 Hz.
    expect(bars.startsWith('█    ▄')).toBe(true);
    expect(bars.endsWith('up to 250 Hz')).toBe(true);
  });

  it('is empty where nothing spikes', () => {
    const none = { ...SPIKES, step: new Uint32Array(0), neuron: new Uint32Array(0) };
    expect(terminalRaster(none, POPULATIONS).at(-1)).toMatch(/^ +up to 0 Hz$/);
  });
});
