/** WAV files (RIFF) of one channel of 16-bit samples. */
import { DataError } from './errors.ts';

export interface Sound {
  readonly rateHz: number;
  /** -1 to 1 */
  readonly samples: Float64Array;
}

const PCM = 1;
const EXTENSIBLE = 0xfffe;

/**
 * Reads a file's content, walking its chunks.
 *
 * @param name for messages
 * @throws {DataError} `malformed`, when it is cut short or of another form
 */
export function readWav(bytes: Uint8Array, name: string): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  const malformed = (why: string) =>
    new DataError('malformed', `${name}: ${why}; give a WAV file of one channel of 16-bit samples`);
  if (bytes.length < 12 || text(0) !== 'RIFF' || text(8) !== 'WAVE') throw malformed('is no WAV file');
  let rateHz = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    const from = at + 8;
    if (from + size > bytes.length) throw malformed(`chunk "${text(at)}" of ${size} bytes is cut short`);
    if (text(at) === 'fmt ') {
      if (size < 16) throw malformed('its format is cut short');
      const tag = view.getUint16(from, true);
      const form = tag === EXTENSIBLE && size >= 26 ? view.getUint16(from + 24, true) : tag;
      const channels = view.getUint16(from + 2, true);
      const bits = view.getUint16(from + 14, true);
      if (form !== PCM || channels !== 1 || bits !== 16) {
        throw malformed(`form ${form}, ${channels} channels, ${bits} bits`);
      }
      rateHz = view.getUint32(from + 4, true);
    } else if (text(at) === 'data') {
      if (rateHz === 0) throw malformed('its data come before its format');
      const samples = Float64Array.from(
        { length: size >> 1 },
        (_, i) => view.getInt16(from + 2 * i, true) / 32768,
      );
      return { rateHz, samples };
    }
    // Chunks of an odd size have a byte more.
    at = from + size + (size % 2);
  }
  throw malformed('has no data');
}
