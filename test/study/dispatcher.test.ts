/** Which trial runs where, and which one is to blame when a worker goes down. */
import { describe, expect, it } from 'vitest';
import { Dispatcher } from '../../src/study/dispatcher.ts';
import type { TrialOrder } from '../../src/study/messages.ts';

function trials(first: number, count: number): TrialOrder[] {
  return Array.from({ length: count }, (_, i) => ({ number: first + i, values: {}, seed: 0 }));
}

function numbers(handed: Map<number, TrialOrder[]>): Record<number, number[]> {
  return Object.fromEntries([...handed].map(([worker, list]) => [worker, list.map(({ number }) => number)]));
}

describe('trials are handed out', () => {
  it('in the order of their numbers to the workers in the order in which they asked', () => {
    const dispatcher = new Dispatcher();
    dispatcher.want(1, 2);
    dispatcher.want(0, 3);
    expect(dispatcher.demand()).toBe(5);
    dispatcher.add(trials(0, 4));
    expect(numbers(dispatcher.handOut())).toEqual({ 1: [0, 1], 0: [2, 3] });
    expect(dispatcher.demand()).toBe(1);
    expect(dispatcher.hasIdleSlots).toBe(true);
    dispatcher.add(trials(4, 2));
    expect(dispatcher.demand()).toBe(0);
    expect(numbers(dispatcher.handOut())).toEqual({ 0: [4] });
    expect(dispatcher.hasIdleSlots).toBe(false);
  });

  it('only as many as there are slots, and each once', () => {
    const dispatcher = new Dispatcher();
    dispatcher.add(trials(0, 3));
    expect(numbers(dispatcher.handOut())).toEqual({});
    dispatcher.want(0, 2);
    expect(numbers(dispatcher.handOut())).toEqual({ 0: [0, 1] });
    expect(dispatcher.ended(0, 1)?.number).toBe(1);
    expect(dispatcher.ended(0, 1)).toBeUndefined();
    expect(dispatcher.ended(1, 0)).toBeUndefined();
  });
});

describe('trials of a worker that went down', () => {
  it('are run again first, and anywhere', () => {
    const dispatcher = new Dispatcher();
    dispatcher.want(0, 2);
    dispatcher.want(1, 1);
    dispatcher.add(trials(0, 5));
    dispatcher.handOut();
    const { again, culprits } = dispatcher.down(0);
    expect(again.map(({ number }) => number)).toEqual([0, 1]);
    expect(culprits).toEqual([]);
    // The slots of the worker that went down are gone with it.
    expect(numbers(dispatcher.handOut())).toEqual({});
    dispatcher.want(1, 1);
    expect(numbers(dispatcher.handOut())).toEqual({ 1: [0] });
    dispatcher.want(0, 2);
    expect(numbers(dispatcher.handOut())).toEqual({ 0: [1, 3] });
  });

  it('run in ever smaller groups until the one to blame is alone, and then fail it', () => {
    // One worker of 16 slots; trial 5 brings it down at once, whatever runs beside it.
    const dispatcher = new Dispatcher();
    const poison = 5;
    const ended = new Set<number>();
    const failed: number[] = [];
    const groups: number[] = [];
    dispatcher.add(trials(0, 40));
    for (let life = 0; life < 20 && ended.size + failed.length < 40; life++) {
      dispatcher.want(0, 16);
      const running = new Set<number>();
      for (;;) {
        for (const { number } of dispatcher.handOut().get(0) ?? []) running.add(number);
        if (running.has(poison)) {
          groups.push(running.size);
          failed.push(...dispatcher.down(0).culprits.map(({ number }) => number));
          break;
        }
        if (running.size === 0) break;
        for (const number of running) {
          dispatcher.ended(0, number);
          ended.add(number);
          dispatcher.want(0, 1);
        }
        running.clear();
      }
    }
    expect(failed).toEqual([poison]);
    expect([...ended].sort((a, b) => a - b)).toEqual(
      trials(0, 40).flatMap(({ number }) => (number === poison ? [] : [number])),
    );
    expect(groups).toEqual([16, 16, 8, 4, 2, 1]);
  });

  it('are failed alone only where they failed before, or too often', () => {
    const blamed = (places: readonly number[]): boolean => {
      const dispatcher = new Dispatcher();
      dispatcher.add(trials(0, 1));
      let culprits = 0;
      for (const done of places) {
        dispatcher.want(0, 1);
        dispatcher.handOut();
        for (let left = 100; left > 100 - done; left -= 10) {
          dispatcher.chunk(0, [{ number: 0, samplesLeft: left - 10 }]);
        }
        culprits += dispatcher.down(0).culprits.length;
      }
      return culprits > 0;
    };
    expect(blamed([0])).toBe(false);
    expect(blamed([0, 0])).toBe(true);
    expect(blamed([50, 50])).toBe(true);
    expect(blamed([50, 60])).toBe(true);
    expect(blamed([0, 50])).toBe(false);
    expect(blamed([0, 50, 90])).toBe(false);

    expect(blamed([0, 50, 90, 0])).toBe(false);
    expect(blamed([0, 90, 20, 60])).toBe(false);
    expect(blamed([0, 90, 20, 60, 40])).toBe(true);
  });

  it('are not failed while they were never alone', () => {
    const dispatcher = new Dispatcher();
    dispatcher.add(trials(0, 8));
    // A worker that goes down whatever it runs, and one beside it that does not.
    for (let life = 0; life < 2; life++) {
      dispatcher.want(0, 4);
      dispatcher.handOut();
      expect(dispatcher.down(0).culprits).toEqual([]);
    }
    dispatcher.want(0, 4);
    // Suspects, in a group half as large, in their own worker only.
    dispatcher.want(1, 4);
    expect(numbers(dispatcher.handOut())).toEqual({ 0: [0, 1], 1: [4, 5, 6, 7] });
    dispatcher.ended(0, 0);
    dispatcher.want(0, 1);
    expect(numbers(dispatcher.handOut())).toEqual({ 0: [2] });
  });

  it('go to another worker when theirs is given up', () => {
    const dispatcher = new Dispatcher();
    dispatcher.add(trials(0, 2));
    for (let life = 0; life < 2; life++) {
      dispatcher.want(0, 2);
      dispatcher.handOut();
      dispatcher.down(0);
    }
    dispatcher.giveUp(0, 1);
    dispatcher.want(1, 4);
    expect(numbers(dispatcher.handOut())).toEqual({ 1: [0] });
    dispatcher.ended(1, 0);
    expect(numbers(dispatcher.handOut())).toEqual({ 1: [1] });
  });
});
