/** Reads the tables that the command prints. */

/** The rows of all tables in a text, each as an object by its table's head. */
export function rowsOf(text: string | undefined): Record<string, string>[] {
  const rows: Record<string, string>[] = [];
  let head: string[] | undefined;
  for (const line of (text ?? '').split('\n')) {
    if (line.startsWith('┌')) head = undefined;
    if (!line.startsWith('│')) continue;
    const cells = line
      .split('│')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (head === undefined) head = cells;
    else rows.push(Object.fromEntries(head.map((name, i) => [name, cells[i] ?? ''])));
  }
  return rows;
}
