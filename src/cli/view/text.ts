/** Columns of a screen, by the narrowest terminal that is supported. */
export const screenColumns = 80;
export const screenLines = 24;

export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** `label` in a column of its own, then text that continues below itself; at most `lines` lines of `columns`. */
export function labelled(
  label: string,
  text: string,
  options: { readonly lines?: number; readonly columns?: number } = {},
): readonly string[] {
  const columns = options.columns ?? screenColumns;
  const wrapped = wrap(text, columns - labelWidth);
  const most = options.lines ?? Number.POSITIVE_INFINITY;
  const kept = wrapped.slice(0, most);
  const last = kept.at(-1);
  if (wrapped.length > most && last !== undefined) kept[kept.length - 1] = cut(`${last} …`, columns - labelWidth);
  return kept.map((line, index) => `${(index === 0 ? label : '').padEnd(labelWidth)}${line}`.trimEnd());
}

export const labelWidth = 8;

/** At spaces where there are any; a longer word is cut in pieces, so that a digest or path can still be read. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length <= width) {
      line = `${line} ${rest}`;
      continue;
    }
    if (line !== '') lines.push(line);
    while (rest.length > width) {
      lines.push(rest.slice(0, width));
      rest = rest.slice(width);
    }
    line = rest;
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** Left text and right text on one line; the left one gives way. */
export function spread(left: string, right: string, columns: number = screenColumns): string {
  const room = columns - right.length - 2;
  const kept = cut(left, room);
  return `${kept}${' '.repeat(Math.max(2, columns - kept.length - right.length))}${right}`;
}

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** May be narrowed until the row fits; those with 1 before those with 2. */
  readonly gives?: 1 | 2;
}

const leastWidth = 12;

/** A table without lines, two spaces between columns; at most `columns` wide. */
export function table(
  heads: readonly Column[],
  rows: readonly (readonly string[])[],
  columns: number = screenColumns,
): readonly string[] {
  const widths = heads.map((head, index) =>
    Math.max(head.title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const total = () => widths.reduce((sum, width) => sum + width + 2, -2);
  for (const turn of [1, 2] as const) {
    const giving = heads.flatMap((head, index) => (head.gives === turn ? [index] : []));
    while (total() > columns) {
      const widest = giving.reduce((best, index) => (widths[index]! > (widths[best] ?? -1) ? index : best), -1);
      if (widest < 0 || widths[widest]! <= leastWidth) break;
      widths[widest]! -= 1;
    }
  }
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => {
        const kept = cut(cell, widths[index]!);
        return heads[index]!.align === 'right' ? kept.padStart(widths[index]!) : kept.padEnd(widths[index]!);
      })
      .join('  ')
      .trimEnd();
  return [line(heads.map((head) => head.title)), ...rows.map(line)];
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
