import { createHash } from 'node:crypto';
import { CodedError } from '../base/coded-error.ts';
import { asRecord, countField, textField } from '../base/json-record.ts';
import { type BookedPosition, inOrder, PositionBook } from './position-book.ts';

/** All positions after the trades up to one point of the stream that they come from. Equal books have equal hashes. */
export interface PositionSnapshot {
  readonly format: typeof format;
  /** Sequence of the last journal entry that is in it. */
  readonly through: number;
  readonly trades: number;
  /** Sorted by account and symbol. */
  readonly positions: readonly BookedPosition[];
  /** SHA-256 in hexadecimal of everything above. */
  readonly hash: string;
}

const format = 'holdfast-positions/1';

export const snapshotOf = (book: PositionBook, through: number): PositionSnapshot => {
  const content = { format, through, trades: book.tradeCount, positions: book.positions() } as const;
  return { ...content, hash: hashOf(content) };
};

/** The book that a snapshot was taken of. Throws HF-7402 when anything in it is not as it was written. */
export const restoreSnapshot = (text: string): { readonly book: PositionBook; readonly through: number } => {
  const snapshot = parseSnapshot(text);
  return { book: PositionBook.restored(snapshot.positions, snapshot.trades), through: snapshot.through };
};

const parseSnapshot = (text: string): PositionSnapshot => {
  const record = parsed(text);
  const through = countField(record, 'through');
  const trades = countField(record, 'trades');
  const hash = textField(record, 'hash');
  const rows = record['positions'];
  if (record['format'] !== format) throw unusable(`its format is ${JSON.stringify(record['format'])}, not ${format}`);
  if (through === null || trades === null || hash === null || !Array.isArray(rows))
    throw unusable('a field of it is missing');
  const positions = rows.map((row, index) => parsePosition(row, index));
  const content = { format, through, trades, positions } as const;
  const found = hashOf(content);
  if (found !== hash) throw unusable(`its content has the hash ${found}, it says ${hash}`);
  return { ...content, hash };
};

const parsed = (text: string) => {
  try {
    const record = asRecord(JSON.parse(text));
    if (record !== null) return record;
  } catch {
    // Said below.
  }
  throw unusable('it is not a JSON object');
};

const parsePosition = (row: unknown, index: number): BookedPosition => {
  const record = asRecord(row);
  const account = record === null ? null : textField(record, 'account');
  const symbol = record === null ? null : textField(record, 'symbol');
  if (record === null || account === null || symbol === null) throw unusable(`position ${index} is none`);
  const figure = (name: string): number => {
    const value = record[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unusable(`position ${index} has no ${name}`);
    return value;
  };
  const [lots, cost, realised] = [figure('lots'), figure('cost'), figure('realised')];
  return { account, symbol, lots, cost, realised, bought: figure('bought'), sold: figure('sold') };
};

const hashOf = (content: Omit<PositionSnapshot, 'hash'>): string => {
  const hash = createHash('sha256').update(`${content.format} ${content.through} ${content.trades}\n`);
  const sorted = content.positions.toSorted(
    (left, right) => inOrder(left.account, right.account) || inOrder(left.symbol, right.symbol),
  );
  for (const { account, symbol, lots, cost, realised, bought, sold } of sorted)
    hash.update(`${JSON.stringify([account, symbol, lots, cost, realised, bought, sold])}\n`);
  return hash.digest('hex');
};

const unusable = (found: string): CodedError =>
  new CodedError({
    code: 'HF-7402',
    attempted: 'restore positions from a snapshot',
    found,
    next: 'compute the positions anew from the trades; keep the file if you want to know what changed it',
  });
