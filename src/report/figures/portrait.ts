/** The best network, run again: receptive fields, a raster, spikes by class. */
import { zlibSync } from 'fflate';
import { axis, baseOption, type FigureDefinition, GRID, percent, short, verticalAxis } from './figure.ts';
import type { Portrait, ReceptiveFields } from './portrait-data.ts';
import type { StudyData } from './study-data.ts';

const NO_PORTRAIT = 'The best network was not run again: give --rerun-best.';

export function withPortrait(
  build: (
    portrait: Portrait,
    theme: Parameters<FigureDefinition['build']>[1],
  ) => ReturnType<FigureDefinition['build']>,
): FigureDefinition['build'] {
  return ({ portrait }: StudyData, theme) => (portrait === undefined ? NO_PORTRAIT : build(portrait, theme));
}

export const receptiveFields: FigureDefinition = {
  id: 'receptive-fields',
  title: 'Receptive fields of the best network',
  section: 'Best network',
  build: withPortrait(({ trial, fields, neurons, accuracy, recordedAccuracy, device }, theme) => {
    if (fields === undefined) return 'Receptive fields are drawn of mnist-stdp alone.';
    const columns = 10;
    const { url, rows, cellSide } = fieldsImage(fields, columns);
    const scale = 2;
    const same = accuracy === recordedAccuracy ? 'as recorded' : `recorded was ${short(recordedAccuracy)}`;
    return {
      caption: `Weights from the ${fields.side} x ${fields.side} inputs to ${fields.neurons.length} of the ${neurons} excitatory neurons of trial ${trial}, each scaled to its largest, dark is strong. Run again on ${device}: accuracy ${short(accuracy)}, ${same}.`,
      height: rows * cellSide * scale + 8,
      minWidth: columns * cellSide * scale,
      option: {
        ...baseOption(theme),
        graphic: [
          {
            type: 'image',
            left: 0,
            top: 0,
            style: { image: url, width: columns * cellSide * scale, height: rows * cellSide * scale },
          },
        ],
      },
      table: {
        columns: [
          'neuron',
          'class',
          ...Array.from({ length: fields.side ** 2 }, (_, pixel) => `pixel ${pixel}`),
        ],
        rows: fields.neurons.map((neuron, index) => [
          neuron,
          fields.labels[index] ?? -1,
          ...pixelsOf(fields, index),
        ]),
      },
    };
  }),
};

export const raster: FigureDefinition = {
  id: 'raster',
  title: 'Raster of the best network',
  section: 'Best network',
  build: withPortrait(({ trial, raster: { steps, timeUnit, labels, spikes }, layer, neurons }, theme) => ({
    caption: `Spikes of the ${layer} layer of trial ${trial} in ${labels.length} samples of the hold-out, ${steps} ${timeUnit} each; above each sample its label. ${spikes.length} spikes.`,
    height: 340,
    option: {
      ...baseOption(theme),
      grid: { ...GRID, top: 30 },
      xAxis: axis(theme, `time (${timeUnit})`, { type: 'value', min: 0, max: steps * labels.length }),
      yAxis: verticalAxis(theme, 'neuron', {
        type: 'value',
        min: 0,
        max: neurons,
        axisLabel: { color: theme.text, showMaxLabel: false },
      }),
      series: [
        {
          type: 'scatter',
          name: 'spikes',
          symbol: 'rect',
          symbolSize: [1.5, 4],
          itemStyle: { color: theme.series[0] as string },
          data: spikes.map(([time, neuron]) => [time, neuron]),
          markLine: {
            silent: true,
            symbol: 'none',
            lineStyle: { color: theme.rule, type: 'solid' },
            data: labels.map((label, sample) => ({
              xAxis: sample * steps,
              label: {
                formatter: String(label),
                color: theme.text,
                position: 'end' as const,
                align: 'left' as const,
              },
            })),
          },
        },
      ],
    },
    table: { columns: [`time (${timeUnit})`, 'neuron'], rows: spikes },
  })),
};

export const spikesByClass: FigureDefinition = {
  id: 'spikes-by-class',
  title: 'Spikes by class against the silence threshold',
  section: 'Best network',
  build: withPortrait(({ trial, layer, classes, alpha }, theme) => {
    const silent = classes.reduce((sum, one) => sum + one.silent, 0);
    const samples = classes.reduce((sum, one) => sum + one.samples, 0);
    return {
      caption: `Spikes of the ${layer} layer in a hold-out sample of trial ${trial}, by the sample's label: 5th percentile, quartiles, 95th percentile. Below alpha = ${alpha} (dashed) a sample is silent: ${percent(silent, samples)} of them.`,
      height: 300,
      option: {
        ...baseOption(theme),
        grid: { ...GRID, top: 16 },
        xAxis: axis(theme, 'class', { type: 'category', data: classes.map(({ label }) => String(label)) }),
        yAxis: verticalAxis(theme, 'spikes per sample', { type: 'value', min: 0 }),
        series: [
          {
            type: 'boxplot',
            name: 'spikes',
            itemStyle: { color: 'transparent', borderColor: theme.series[0] as string },
            data: classes.map(({ quantiles }) => [...quantiles]),
            markLine: {
              silent: true,
              symbol: 'none',
              lineStyle: { color: theme.classes.silent, type: 'dashed' },
              label: { formatter: 'alpha', color: theme.text, position: 'insideEndTop' },
              data: [{ yAxis: alpha }],
            },
          },
        ],
      },
      table: {
        columns: ['class', 'samples', 'silent', '5 %', '25 %', '50 %', '75 %', '95 %'],
        rows: classes.map(({ label, samples: count, silent: quiet, quantiles }) => [
          label,
          count,
          quiet,
          ...quantiles,
        ]),
      },
    };
  }),
};

function pixelsOf({ pixels, side }: ReceptiveFields, index: number): number[] {
  const binary = atob(pixels);
  return Array.from({ length: side ** 2 }, (_, pixel) => binary.charCodeAt(index * side ** 2 + pixel));
}

/** All fields side by side in one grey image. */
function fieldsImage(fields: ReceptiveFields, columns: number) {
  const { side, neurons } = fields;
  const cellSide = side + 2;
  const rows = Math.ceil(neurons.length / columns);
  const width = columns * cellSide;
  const grey = new Uint8Array(width * rows * cellSide).fill(200);
  neurons.forEach((_, index) => {
    const values = pixelsOf(fields, index);
    const left = (index % columns) * cellSide + 1;
    const top = Math.floor(index / columns) * cellSide + 1;
    for (let pixel = 0; pixel < values.length; pixel++) {
      const row = top + Math.floor(pixel / side);
      grey[row * width + left + (pixel % side)] = 255 - (values[pixel] as number);
    }
  });
  return { url: `data:image/png;base64,${greyPng(grey, width)}`, rows, cellSide };
}

/** An 8-bit grey image as PNG (ISO/IEC 15948), base64. */
export function greyPng(grey: Uint8Array, width: number): string {
  const height = grey.length / width;
  const lines = new Uint8Array((width + 1) * height);
  for (let row = 0; row < height; row++)
    lines.set(grey.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8;
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    pngChunk('IHDR', header),
    pngChunk('IDAT', zlibSync(lines)),
    pngChunk('IEND', new Uint8Array(0)),
  ];
  let binary = '';
  for (const part of parts) for (const byte of part) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(12 + data.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) chunk[4 + i] = type.charCodeAt(i);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  return chunk;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
