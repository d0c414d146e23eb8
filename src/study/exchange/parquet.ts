/** Trials as a Parquet file. */
import { type BasicType, type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import type { TrialColumn } from './trial-table.ts';

const TYPES: Readonly<Record<TrialColumn['type'], BasicType>> = {
  whole: 'INT64',
  real: 'DOUBLE',
  time: 'TIMESTAMP',
  text: 'STRING',
  truth: 'BOOLEAN',
};

/** One row group, compressed; every column may have nulls. */
export function parquetOf(columns: readonly TrialColumn[]): Uint8Array {
  const columnData = columns.map((column): ColumnSource => {
    const data: readonly unknown[] =
      column.type === 'whole'
        ? column.values.map((value) => (value === null ? null : BigInt(value)))
        : column.type === 'time'
          ? column.values.map((value) => (value === null ? null : new Date(value)))
          : column.values;
    return { name: column.name, data: [...data], type: TYPES[column.type], nullable: true };
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
