import { describe, expect, it } from 'vitest';
import { eventsByStep, readAedat, readGestures, readNMnist } from '../../src/data/event-files.ts';
import { AEDAT_HEADER, aedatFile, aedatPacket } from './gestures.ts';

describe('samples of N-MNIST', () => {
  it('are read, with overflows of the clock', () => {
    // The first is the worked example of the format: x 12, y 30, brighter, 70,000 us.
    const bytes = [
      [0x0c, 0x1e, 0x81, 0x11, 0x70],
      [0, 240, 0, 0, 0],
      [33, 0, 0x01, 0x11, 0x70],
      [0, 240, 0, 0, 0],
      [1, 2, 0x7f, 0xff, 0xff],
    ].flat();
    const found = readNMnist(Uint8Array.from(bytes), 'a.bin');
    expect([...found.x]).toEqual([12, 33, 1]);
    expect([...found.y]).toEqual([30, 0, 2]);
    expect([...found.polarity]).toEqual([1, 0, 0]);
    expect([...found.timesUs]).toEqual([70_000, 78_192, 2 ** 23 - 1 + 2 * 8192]);
  });

  it('of another length are refused', () => {
    expect(() => readNMnist(new Uint8Array(7), 'a.bin')).toThrow(/a.bin has 7 bytes, no multiple of 5/);
  });
});

describe('AEDAT 3.1', () => {
  const event = { x: 64, y: 100, polarity: 1, time: 123_456 };

  it('has the bytes of the worked example', () => {
    expect([...aedatPacket(1, [event]).subarray(28, 32)]).toEqual([0x93, 0x01, 0x80, 0x00]);
  });

  it('is read, but for other packets and invalid events', () => {
    const found = readAedat(
      aedatFile(
        aedatPacket(3, [event, event]),
        aedatPacket(1, [event, { ...event, valid: false }, { ...event, x: 20_000, polarity: 0, time: 5 }], {
          capacity: 4,
        }),
        aedatPacket(1, [{ ...event, time: 7 }], { overflow: 3 }),
      ),
      'a.aedat',
    );
    expect([...found.x]).toEqual([64, 20_000, 64]);
    expect([...found.y]).toEqual([100, 100, 100]);
    expect([...found.polarity]).toEqual([1, 0, 1]);
    expect([...found.timesUs]).toEqual([123_456, 5, 3 * 2 ** 31 + 7]);
  });

  it('may have packets that begin like a line of the header', () => {
    // Type 0x23, the byte of "#", is a kind that isn't read.
    expect(
      readAedat(aedatFile(aedatPacket(0x23, [event]), aedatPacket(1, [event])), 'a.aedat').x.length,
    ).toBe(1);
  });

  it('says what is wrong', () => {
    const good = aedatFile(aedatPacket(1, [event]));
    expect(() => readAedat(good.subarray(0, good.length - 1), 'a.aedat')).toThrow(/a packet is cut short/);
    expect(() => readAedat(good.subarray(0, AEDAT_HEADER.length + 10), 'a.aedat')).toThrow(
      /last packet is cut short/,
    );
    expect(() => readAedat(AEDAT_HEADER.subarray(0, 30), 'a.aedat')).toThrow(/header has no end/);
    expect(() => readAedat(Uint8Array.from(Buffer.from('#!AER-DAT2.0\r\n')), 'a.aedat')).toThrow(
      /#!AER-DAT2.0/,
    );
  });
});

describe('gestures', () => {
  it('are read, from class 0 on', () => {
    const text = 'class,startTime_usec,endTime_usec\r\n1,80048239,85092709\r\n11,89431170,95231007\r\n';
    expect(readGestures(text, 'a.csv')).toEqual([
      { label: 0, startUs: 80_048_239, endUs: 85_092_709 },
      { label: 10, startUs: 89_431_170, endUs: 95_231_007 },
    ]);
  });

  it('say where they are wrong', () => {
    expect(() => readGestures('a,b\n1,2', 'a.csv')).toThrow(/a.csv begins with "a,b"/);
    expect(() => readGestures('class,startTime_usec,endTime_usec\n12,1,2', 'a.csv')).toThrow(
      /a.csv line 2: "12,1,2"/,
    );
  });
});

it('events become inputs by step, pooled and cut', () => {
  const events = {
    x: Uint16Array.of(0, 5, 7, 7, 3),
    y: Uint16Array.of(0, 2, 7, 7, 9),
    polarity: Uint8Array.of(0, 1, 1, 0, 1),
    timesUs: Float64Array.of(1000, 2999, 3000, 6000, 3000),
  };
  const frames = { side: 8, pool: 4, steps: 2, stepMs: 2, startUs: 1000 };
  // Pixels of 2 x 2; the fourth is after the last step, the fifth outside of the field.
  expect(eventsByStep(events, frames)).toEqual([[0, 3], [7]]);
  expect(eventsByStep(events, { ...frames, endUs: 2000 })).toEqual([[0], []]);
  // Whole, in frames of floor(5000 / 3) us from the first event; the last event is after the last of them.
  expect(eventsByStep(events, { side: 10, pool: 5, steps: 3 })).toEqual([[0], [3, 7, 5], []]);
});
