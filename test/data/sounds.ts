/** Sounds that tests make up. */

/** A WAV file; `between` is put before the data. */
export function wav(
  samples: readonly number[],
  { rateHz = 8000, extensible = false, between = new Uint8Array(0) } = {},
) {
  const format = new DataView(new ArrayBuffer(extensible ? 40 : 16));
  format.setUint16(0, extensible ? 0xfffe : 1, true);
  format.setUint16(2, 1, true);
  format.setUint32(4, rateHz, true);
  format.setUint16(14, 16, true);
  if (extensible) format.setUint16(24, 1, true);
  const chunk = (name: string, content: Uint8Array) => {
    const size = new Uint8Array(new Uint32Array([content.length]).buffer);
    return [...Buffer.from(name), ...size, ...content, ...(content.length % 2 ? [0] : [])];
  };
  const data = new Uint8Array(Int16Array.from(samples).buffer);
  const body = [
    ...Buffer.from('WAVE'),
    ...chunk('fmt ', new Uint8Array(format.buffer)),
    ...(between.length ? chunk('LIST', between) : []),
    ...chunk('data', data),
  ];
  return Uint8Array.from([
    ...Buffer.from('RIFF'),
    ...new Uint8Array(new Uint32Array([body.length]).buffer),
    ...body,
  ]);
}

/** At 8 kHz. */
export const tone = (hz: number, length = 4000) =>
  Array.from({ length }, (_, n) => Math.round(8000 * Math.sin((2 * Math.PI * hz * n) / 8000)));
