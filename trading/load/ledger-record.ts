import { crc32 } from 'node:zlib';

export const orderLedgerName = 'orders.ledger';
export const commitLedgerName = 'commits.ledger';

/** One line of a ledger: `crc32 SP json LF`. The checksum tells a torn tail from an edited line. */
export type LedgerRecord = OrderRecord | CommitRecord | OpenedRecord;

/** First record of every run of the generator. `at` is always UTC milliseconds. */
export interface OpenedRecord {
  readonly k: 'opened';
  readonly version: 1;
  readonly run: string;
  readonly seed: number;
  readonly at: number;
}

export type Side = 'B' | 'S';

export interface OrderTerms {
  readonly symbol: string;
  readonly side: Side;
  /** Ticks. */
  readonly price: number;
  /** Lots. */
  readonly qty: number;
}

/** What an order shall have instead: ticks, and lots in total, what is filled included. */
export type ChangedTerms = Pick<OrderTerms, 'price' | 'qty'>;

export type OrderRecord =
  | ({ readonly k: 'new'; readonly id: string; readonly client: string; readonly at: number } & OrderTerms)
  | {
      readonly k: 'cancel';
      readonly id: string;
      readonly client: string;
      readonly target: string;
      readonly at: number;
    }
  | ({
      readonly k: 'replace';
      readonly id: string;
      readonly client: string;
      readonly target: string;
      readonly at: number;
    } & ChangedTerms)
  | {
      readonly k: 'acked';
      readonly id: string;
      readonly seq: number;
      readonly epoch: number;
      readonly at: number;
    }
  | { readonly k: 'rejected'; readonly id: string; readonly code: string; readonly at: number }
  | { readonly k: 'unknown'; readonly id: string; readonly at: number }
  | {
      readonly k: 'cancelled';
      readonly id: string;
      readonly target: string;
      readonly seq: number;
      readonly epoch: number;
      readonly at: number;
    }
  | ({
      readonly k: 'replaced';
      readonly id: string;
      readonly target: string;
      readonly seq: number;
      readonly epoch: number;
      readonly at: number;
    } & ChangedTerms)
  | {
      readonly k: 'fill';
      readonly id: string;
      readonly exec: string;
      readonly price: number;
      readonly qty: number;
      readonly seq: number;
      readonly epoch: number;
      readonly at: number;
    }
  | {
      readonly k: 'resolved-acked';
      readonly id: string;
      readonly seq: number;
      readonly epoch: number;
      readonly at: number;
    }
  | { readonly k: 'resolved-absent'; readonly id: string; readonly at: number };

export interface CanaryRow {
  readonly id: string;
  readonly client: string;
  readonly payload: string;
  /** SHA-256 (hex) of the row before it in order of ids, whether or not that one was committed. */
  readonly previous: string;
}

export type CommitRecord =
  | ({ readonly k: 'commit'; readonly at: number } & CanaryRow)
  | { readonly k: 'commit-acked'; readonly id: string; readonly at: number }
  | { readonly k: 'commit-failed'; readonly id: string; readonly code: string; readonly at: number }
  | { readonly k: 'commit-unknown'; readonly id: string; readonly at: number }
  | { readonly k: 'commit-present'; readonly id: string; readonly at: number }
  | { readonly k: 'commit-absent'; readonly id: string; readonly at: number }
  /** A server was found that acknowledges commits with less than was asked: no claim about RPO is possible. */
  | { readonly k: 'weakened'; readonly site: string; readonly setting: string; readonly at: number };

export const encodeRecord = (record: LedgerRecord): string => {
  const text = JSON.stringify(record);
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
};

/** null when the line is damaged. */
export const decodeRecord = (line: string): LedgerRecord | null => {
  if (line.length < 10 || line[8] !== ' ') return null;
  const text = line.slice(9);
  if (Number.parseInt(line.slice(0, 8), 16) !== crc32(text)) return null;
  return JSON.parse(text) as LedgerRecord;
};
