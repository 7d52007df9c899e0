import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type pg from 'pg';
import { writeFileDurably } from '../base/durable-file.ts';
import type { StorePosition } from './order-store.ts';
import { activeStates } from './schema.ts';

export interface OpenOrder {
  readonly id: string;
  readonly client: string;
  readonly symbol: string;
  readonly side: 'B' | 'S';
  readonly price: number;
  readonly qty: number;
  readonly state: 'pending' | 'open';
  readonly filled: number;
  readonly seq: number;
}

/** The open orders of one moment, and how far the database had come then. */
export interface OpenOrders {
  readonly position: StorePosition;
  readonly orders: readonly OpenOrder[];
}

export const readOpenOrders = async (client: pg.Client, stream: string): Promise<OpenOrders> => {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const position = await client.query<StorePosition>(
    'SELECT epoch::float8 AS epoch, sequence::float8 AS sequence FROM public.oms_position WHERE stream = $1',
    [stream],
  );
  const orders = await client.query<OpenOrder>(
    `SELECT id, client, symbol, side, price::float8 AS price, qty::float8 AS qty, state, filled::float8 AS filled, seq::float8 AS seq
     FROM public.orders WHERE state IN (${activeStates}) ORDER BY seq`,
  );
  await client.query('COMMIT');
  return { position: position.rows[0] ?? { epoch: 0, sequence: 0 }, orders: orders.rows };
};

export interface SnapshotFile {
  readonly file: string;
  readonly sha256: string;
}

/**
 * Writes open orders to a file of lines, the first of which says of which position they are; on disk when this returns. The newest few
 * snapshots are kept.
 */
export const keepOpenOrders = (
  directory: string,
  taken: OpenOrders & { readonly at: Date; readonly instance: string },
): SnapshotFile => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { position, orders, at, instance } = taken;
  const head = { instance, at: at.toISOString(), ...position, count: orders.length };
  const text = [head, ...orders].map((each) => `${JSON.stringify(each)}\n`).join('');
  const file = `open-orders-${at.toISOString().replaceAll(':', '')}.jsonl`;
  writeFileDurably(join(directory, file), text);
  const kept = readdirSync(directory)
    .filter((name) => /^open-orders-.*\.jsonl$/.test(name))
    .toSorted();
  for (const old of kept.slice(0, -mostKept)) rmSync(join(directory, old));
  return { file: `${basename(directory)}/${file}`, sha256: createHash('sha256').update(text).digest('hex') };
};

const mostKept = 20;
