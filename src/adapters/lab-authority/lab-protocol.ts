import type { Json } from '../../core/base/canonical-json.ts';
import { type Revision, revision } from '../../core/base/ids.ts';
import type { Comparison, StoredValue, Transaction } from '../../engine/authority-port.ts';

/**
 * Frames between the lab-only authority and its clients: newline-delimited JSON. Requests carry an id that the answer
 * repeats; pushes (watch events) carry the client's own watch number instead. The first request must be `hello`.
 */
export const protocolVersion = 1;

/** The furthest state of the store that a client knows of. A store of that incarnation which is behind it went back. */
export interface SeenMark {
  readonly incarnation: string;
  readonly revision: Revision;
}

export type LabRequest =
  | { readonly op: 'hello'; readonly version: number; readonly client: string; readonly token: string | null }
  /** `incarnation`: the data that the client's revisions come from; another one refuses. Null = not known yet. */
  | {
      readonly op: 'transact';
      readonly incarnation: string | null;
      readonly seen: SeenMark | null;
      readonly transaction: Transaction;
    }
  | { readonly op: 'range'; readonly prefix: string; readonly seen: SeenMark | null }
  | {
      readonly op: 'watch';
      readonly watch: number;
      readonly prefix: string;
      readonly after: Revision;
      readonly incarnation: string | null;
      readonly seen: SeenMark | null;
    }
  | { readonly op: 'unwatch'; readonly watch: number }
  | { readonly op: 'ping' }
  | { readonly op: 'backup'; readonly path: string }
  | { readonly op: 'restore'; readonly path: string };

export type LabErrorCode =
  | 'unauthorized'
  | 'bad-request'
  | 'incarnation-changed'
  | 'not-permitted'
  /** The database answered with an error: whether the change is durable is not known. */
  | 'storage';

export interface HelloResult {
  readonly kind: 'lab-only';
  readonly voters: 1;
  readonly notice: string;
  readonly incarnation: string;
  readonly revision: Revision;
}

export interface RangeResult {
  readonly revision: Revision;
  readonly incarnation: string;
  readonly entries: Readonly<Record<string, StoredValue>>;
}

export type TransactResult =
  | { readonly kind: 'committed'; readonly revision: Revision }
  | { readonly kind: 'conflict'; readonly current: Readonly<Record<string, StoredValue | null>> };

export type WatchResult =
  | { readonly kind: 'watching'; readonly incarnation: string; readonly revision: Revision }
  | { readonly kind: 'compacted' };

/** All changes of one transaction below the watched prefix. */
export interface StoredChange {
  readonly revision: Revision;
  readonly changes: readonly { readonly key: string; readonly value: Json | null }[];
}

export type LabAnswer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly code: LabErrorCode; readonly message: string };
    };

export type LabPush =
  | { readonly watch: number; readonly change: StoredChange }
  | { readonly watch: number; readonly ended: 'compacted' };

export const labOnlyNotice = 'LAB-ONLY authority: one voter, one disk, no fail-over. Never use it in production.';

/** A frame that is not one of `LabRequest`; the connection cannot be trusted any further. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame';
}

export function parseRequest(frame: string): { readonly id: number; readonly request: LabRequest } {
  const fields = asObject(parseJson(frame), 'frame');
  return { id: asId(fields.id), request: parseOperation(fields) };
}

function parseOperation(fields: Fields): LabRequest {
  const op = asText(fields.op, 'op');
  switch (op) {
    case 'hello':
      return {
        op,
        version: asWhole(fields.version, 'version'),
        client: asText(fields.client, 'client'),
        token: asTextOrNull(fields.token, 'token'),
      };
    case 'transact':
      return {
        op,
        incarnation: asTextOrNull(fields.incarnation, 'incarnation'),
        seen: parseSeen(fields.seen),
        transaction: parseTransaction(fields.transaction),
      };
    case 'range':
      return { op, prefix: asText(fields.prefix, 'prefix'), seen: parseSeen(fields.seen) };
    case 'watch':
      return {
        op,
        watch: asWhole(fields.watch, 'watch'),
        prefix: asText(fields.prefix, 'prefix'),
        after: revision(asWhole(fields.after, 'after')),
        incarnation: asTextOrNull(fields.incarnation, 'incarnation'),
        seen: parseSeen(fields.seen),
      };
    case 'unwatch':
      return { op, watch: asWhole(fields.watch, 'watch') };
    case 'ping':
      return { op };
    case 'backup':
    case 'restore':
      return { op, path: asText(fields.path, 'path') };
    default:
      throw new BadFrame(`unknown operation ${JSON.stringify(op)}`);
  }
}

function parseSeen(value: unknown): SeenMark | null {
  if (value === null || value === undefined) return null;
  const fields = asObject(value, 'seen');
  return {
    incarnation: asText(fields.incarnation, 'seen.incarnation'),
    revision: revision(asWhole(fields.revision, 'seen.revision')),
  };
}

function parseTransaction(value: unknown): Transaction {
  const fields = asObject(value, 'transaction');
  const compare = asArray(fields.compare, 'compare').map((item): Comparison => {
    const entry = asObject(item, 'compare');
    return {
      key: asText(entry.key, 'compare.key'),
      revision: revision(asWhole(entry.revision, 'compare.revision')),
    };
  });
  const put = asArray(fields.put, 'put').map((item) => {
    const entry = asObject(item, 'put');
    if (!('value' in entry)) throw new BadFrame('put.value is missing');
    return { key: asText(entry.key, 'put.key'), value: entry.value as Json };
  });
  const remove = asArray(fields.remove ?? [], 'remove').map((key) => asText(key, 'remove'));
  return { compare, put, remove };
}

/** Why the store would refuse this transaction whatever it holds; null = it may be tried. */
export function transactionProblem(transaction: Transaction): string | null {
  const written = [...transaction.put.map((item) => item.key), ...(transaction.remove ?? [])];
  if (written.includes('') || transaction.compare.some((item) => item.key === '')) return 'a key is empty';
  if (new Set(written).size !== written.length) return 'a key is written twice in one transaction';
  return null;
}

type Fields = Readonly<Record<string, unknown>>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BadFrame('not JSON', { cause });
  }
}

function asObject(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadFrame(`${name} is not an object`);
  return value as Fields;
}

function asArray(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new BadFrame(`${name} is not a list`);
  return value;
}

function asText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new BadFrame(`${name} is not text`);
  return value;
}

const asTextOrNull = (value: unknown, name: string): string | null =>
  value === null || value === undefined ? null : asText(value, name);

function asId(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new BadFrame('id is not a whole number');
  return value as number;
}

function asWhole(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new BadFrame(`${name} is not a whole number`);
  return value as number;
}
