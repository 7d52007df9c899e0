import { countField, type JsonRecord, textField } from '../base/json-record.ts';

/**
 * What a risk engine tells an engine, over the engine's orders port. Each message is numbered without gaps in its session. Rows say
 * what was true after the entry `through`; whatever the engine took in since is taken off again by itself.
 */
export interface RiskMessage {
  readonly seq: number;
  /** Number of the newest question that this answers; what is approved counts from when that was asked. */
  readonly echo: number;
  readonly approved: boolean;
  /** Why not. */
  readonly reason: string;
  readonly table: RiskRows | null;
}

export interface RiskRows {
  /** What was known before is void. */
  readonly reset: boolean;
  /** The next message goes on with these rows; they count together. */
  readonly more: boolean;
  readonly through: number;
  readonly firm: FirmRow;
  readonly clients: readonly ClientRow[];
  readonly symbols: readonly SymbolRow[];
  readonly pairs: readonly PairRow[];
}

/** What is refused beside what a limit refuses. */
export interface Switches {
  /** Everything. */
  readonly killed: boolean;
  /** The loss limit is passed: what does not reduce a position. */
  readonly losing: boolean;
}

export interface FirmRow extends Switches {
  readonly maxOpenOrders: number;
  readonly exposureRoom: number;
}

/** `*` stands for clients without a row. */
export interface ClientRow extends Switches {
  readonly name: string;
  readonly maxOrderQty: number;
  readonly maxOrderNotional: number;
  readonly maxOpenOrders: number;
  readonly maxPosition: number;
  readonly exposureRoom: number;
}

/** `*` stands for symbols without a row. */
export interface SymbolRow {
  readonly name: string;
  readonly killed: boolean;
  readonly maxOrderQty: number;
  readonly maxOrderNotional: number;
  readonly maxPosition: number;
  /** Lowest and highest price. */
  readonly low: number;
  readonly high: number;
}

/** Lots of one client in one symbol that may still be ordered, and those of them that only take a position back. */
export interface PairRow {
  readonly client: string;
  readonly symbol: string;
  readonly buyRoom: number;
  readonly sellRoom: number;
  readonly reduceBuy: number;
  readonly reduceSell: number;
}

const KILLED = 1;
const LOSING = 2;
const flagsOf = ({ killed, losing }: Switches): number => (killed ? KILLED : 0) + (losing ? LOSING : 0);

/** The message as it is sent; rows as lists, so that a table of thousands stays short. */
export const riskRecord = ({ seq, echo, approved, reason, table }: RiskMessage): object => ({
  t: 'risk',
  seq,
  echo,
  approved,
  ...(approved ? {} : { reason }),
  ...(table === null
    ? {}
    : {
        reset: table.reset,
        more: table.more,
        through: table.through,
        firm: [flagsOf(table.firm), table.firm.maxOpenOrders, table.firm.exposureRoom],
        clients: table.clients.map((row) => [
          row.name,
          flagsOf(row),
          row.maxOrderQty,
          row.maxOrderNotional,
          row.maxOpenOrders,
          row.maxPosition,
          row.exposureRoom,
        ]),
        symbols: table.symbols.map((row) => [
          row.name,
          row.killed ? KILLED : 0,
          row.maxOrderQty,
          row.maxOrderNotional,
          row.maxPosition,
          row.low,
          row.high,
        ]),
        pairs: table.pairs.map((row) => [
          row.client,
          row.symbol,
          row.buyRoom,
          row.sellRoom,
          row.reduceBuy,
          row.reduceSell,
        ]),
      }),
});

/** null when anything in it cannot be relied on. */
export const parseRiskMessage = (record: JsonRecord): RiskMessage | null => {
  const seq = countField(record, 'seq');
  const echo = countField(record, 'echo');
  const approved = record['approved'];
  if (seq === null || echo === null || typeof approved !== 'boolean') return null;
  const table = record['through'] === undefined ? null : parseRows(record);
  if (table === undefined) return null;
  return { seq, echo, approved, reason: textField(record, 'reason') ?? 'no reason given', table };
};

const parseRows = (record: JsonRecord): RiskRows | undefined => {
  const through = countField(record, 'through');
  const firm = numbers(record['firm'], 0, 3);
  const clients = rows(record['clients'], 1, 6);
  const symbols = rows(record['symbols'], 1, 6);
  const pairs = rows(record['pairs'], 2, 4);
  if (through === null || firm === null || clients === null || symbols === null || pairs === null) return undefined;
  return {
    reset: record['reset'] === true,
    more: record['more'] === true,
    through,
    firm: { ...switchesOf(firm[0]!), maxOpenOrders: firm[1]!, exposureRoom: firm[2]! },
    clients: clients.map(({ names, values }) => ({
      name: names[0]!,
      ...switchesOf(values[0]!),
      maxOrderQty: values[1]!,
      maxOrderNotional: values[2]!,
      maxOpenOrders: values[3]!,
      maxPosition: values[4]!,
      exposureRoom: values[5]!,
    })),
    symbols: symbols.map(({ names, values }) => ({
      name: names[0]!,
      killed: switchesOf(values[0]!).killed,
      maxOrderQty: values[1]!,
      maxOrderNotional: values[2]!,
      maxPosition: values[3]!,
      low: values[4]!,
      high: values[5]!,
    })),
    pairs: pairs.map(({ names, values }) => ({
      client: names[0]!,
      symbol: names[1]!,
      buyRoom: values[0]!,
      sellRoom: values[1]!,
      reduceBuy: values[2]!,
      reduceSell: values[3]!,
    })),
  };
};

const switchesOf = (flags: number): Switches => ({ killed: (flags & KILLED) !== 0, losing: (flags & LOSING) !== 0 });

interface Row {
  readonly names: readonly string[];
  readonly values: readonly number[];
}

/** Lists that begin with so many names and go on with so many numbers, each a whole number from 0 on. */
const rows = (value: unknown, nameCount: number, valueCount: number): readonly Row[] | null => {
  if (!Array.isArray(value)) return null;
  const found: Row[] = [];
  for (const each of value as unknown[]) {
    const values = numbers(each, nameCount, valueCount);
    if (values === null) return null;
    const names = (each as unknown[]).slice(0, nameCount);
    if (!names.every((name): name is string => typeof name === 'string' && name !== '')) return null;
    found.push({ names, values });
  }
  return found;
};

const numbers = (value: unknown, from: number, count: number): readonly number[] | null => {
  if (!Array.isArray(value) || value.length !== from + count) return null;
  const found = (value as unknown[]).slice(from);
  return found.every((each) => Number.isSafeInteger(each) && (each as number) >= 0) ? (found as number[]) : null;
};
