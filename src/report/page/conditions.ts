/**
 * Filters of the table of trials, such as `map_size>500 decoder=vote`: all conditions must hold. A word without a sign
 * must occur somewhere in the row.
 */

export interface Condition {
  readonly column: string;
  readonly sign: '=' | '!=' | '<' | '>' | '<=' | '>=' | 'has';
  readonly value: string;
}

/** What of a filter can't be understood. */
export interface BadFilter {
  readonly problem: string;
}

export function parseConditions(text: string, columns: readonly string[]): readonly Condition[] | BadFilter {
  const conditions: Condition[] = [];
  for (const word of text.trim().split(/\s+/)) {
    if (word === '') continue;
    const match = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.+)$/.exec(word);
    if (match === null) {
      if (/[<>=]/.test(word)) return { problem: `${word}: write name=value, name>value or name<value` };
      conditions.push({ column: '', sign: 'has', value: word.toLowerCase() });
      continue;
    }
    const [, name = '', sign, value = ''] = match;
    const column = columns.find((one) => one.toLowerCase() === name.toLowerCase());
    if (column === undefined)
      return { problem: `there is no column ${name}: there are ${columns.join(', ')}` };
    conditions.push({ column, sign: sign as Condition['sign'], value });
  }
  return conditions;
}

const COMPARISONS: Readonly<Record<Exclude<Condition['sign'], 'has'>, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
};

/** Whether a row, by column, meets all conditions. Numbers are compared as numbers. */
export function meets(
  row: Readonly<Record<string, string | number | null>>,
  conditions: readonly Condition[],
): boolean {
  return conditions.every(({ column, sign, value }) => {
    if (sign === 'has') {
      return Object.values(row).some((cell) => String(cell).toLowerCase().includes(value));
    }
    const cell = row[column];
    if (cell === null || cell === undefined) return sign === '!=';
    const number = Number(value);
    if (typeof cell === 'string' || Number.isNaN(number)) {
      const same = String(cell).toLowerCase() === value.toLowerCase();
      return sign === '=' ? same : sign === '!=' ? !same : false;
    }
    return COMPARISONS[sign](cell, number);
  });
}
