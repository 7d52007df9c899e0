import type { Json } from '../../core/base/canonical-json.ts';
import { type Revision, revision } from '../../core/base/ids.ts';
import type { StoredValue, Transaction, WatchEvent } from '../../engine/authority-port.ts';
import {
  compareEqual,
  compareGreater,
  eventDelete,
  type KeyValue,
  type TxnRequest,
  type TxnResponse,
  targetCreateRevision,
  targetModRevision,
  targetValue,
  type WatchResponse,
} from './etcd-messages.ts';
import type { KeyLayout } from './key-layout.ts';

/** Which data an answer came from. */
export interface StoreSign {
  /** Null: nobody has named this data yet. */
  readonly incarnation: string | null;
  /** Modification revision of the tip. */
  readonly tip: Revision;
  readonly cluster: string;
}

/** What a transaction demands of the store besides its own comparisons. */
export interface StoreGuard {
  readonly incarnation: string;
  readonly tip: Revision;
}

/** A key holds something that Holdfast did not write. */
export class ForeignValue extends Error {
  override readonly name = 'ForeignValue';
}

/** Why no store could accept this; null = it may be tried. */
export function transactionProblem(transaction: Transaction): string | null {
  const written = [...transaction.put.map((item) => item.key), ...(transaction.remove ?? [])];
  if (written.includes('') || transaction.compare.some((item) => item.key === '')) return 'a key is empty';
  if (new Set(written).size !== written.length) return 'a key is written twice in one transaction';
  return null;
}

/**
 * The guard is part of the comparison: a store that was restored (another incarnation), or that went back behind what this
 * client has seen (an older tip), changes nothing, even when the compared revisions happen to match.
 */
export function transactionRequest(layout: KeyLayout, transaction: Transaction, guard: StoreGuard): TxnRequest {
  const removed = transaction.remove ?? [];
  const writes = [
    ...transaction.put.map(({ key, value }) => ({
      request_put: { key: layout.key(key), value: Buffer.from(JSON.stringify(value)) },
    })),
    ...removed.map((key) => ({ request_delete_range: { key: layout.key(key) } })),
  ];
  return {
    compare: [
      { result: compareEqual, target: targetValue, key: layout.incarnation, value: Buffer.from(guard.incarnation) },
      { result: compareGreater, target: targetModRevision, key: layout.tip, mod_revision: guard.tip - 1 },
      ...transaction.compare.map((item) => ({
        result: compareEqual,
        target: targetModRevision,
        key: layout.key(item.key),
        mod_revision: item.revision,
      })),
    ],
    success: writes.length === 0 ? [] : [...writes, putTip(layout)],
    failure: [
      ...signReads(layout),
      ...transaction.compare.map((item) => ({ request_range: { key: layout.key(item.key) } })),
    ],
  };
}

export type TransactionAnswer =
  | { readonly kind: 'committed'; readonly revision: Revision; readonly cluster: string }
  | { readonly kind: 'not-committed'; readonly sign: StoreSign; readonly current: Record<string, StoredValue | null> };

export function transactionAnswer(transaction: Transaction, response: TxnResponse): TransactionAnswer {
  if (response.succeeded)
    return {
      kind: 'committed',
      revision: revision(Number(response.header.revision)),
      cluster: response.header.cluster_id,
    };
  const current = Object.fromEntries(
    transaction.compare.map((item, index) => {
      const found = response.responses[signReadCount + index]?.response_range?.kvs[0];
      return [item.key, found === undefined ? null : storedValue(found)];
    }),
  );
  return { kind: 'not-committed', sign: storeSign(response), current };
}

/** A transaction of reads only: etcd answers it linearizably and at one revision. */
export function rangeRequest(layout: KeyLayout, prefix: string | null): TxnRequest {
  const reads = prefix === null ? [] : [{ request_range: layout.below(prefix) }];
  return { compare: [], success: [...signReads(layout), ...reads], failure: [] };
}

export interface RangeAnswer {
  readonly sign: StoreSign;
  readonly revision: Revision;
  readonly entries: Record<string, StoredValue>;
}

export function rangeAnswer(layout: KeyLayout, response: TxnResponse): RangeAnswer {
  const found = response.responses[signReadCount]?.response_range?.kvs ?? [];
  return {
    sign: storeSign(response),
    revision: revision(Number(response.header.revision)),
    entries: Object.fromEntries(found.map((item) => [layout.name(item.key), storedValue(item)])),
  };
}

/** Names the data anew, only if it still carries the name `from` (null = none yet). */
export function renameRequest(layout: KeyLayout, from: string | null, to: string): TxnRequest {
  const key = layout.incarnation;
  return {
    compare: [
      from === null
        ? { result: compareEqual, target: targetCreateRevision, key, create_revision: 0 }
        : { result: compareEqual, target: targetValue, key, value: Buffer.from(from) },
    ],
    success: [{ request_put: { key, value: Buffer.from(to) } }, putTip(layout)],
    failure: [],
  };
}

/** One event per revision: etcd may deliver several transactions in one response, never half of one. */
export function watchEvents(layout: KeyLayout, response: WatchResponse): Extract<WatchEvent, { kind: 'changed' }>[] {
  const found: { kind: 'changed'; revision: Revision; changes: { key: string; value: Json | null }[] }[] = [];
  for (const { type, kv } of response.events) {
    const at = revision(Number(kv.mod_revision));
    if (found.at(-1)?.revision !== at) found.push({ kind: 'changed', revision: at, changes: [] });
    found.at(-1)!.changes.push({ key: layout.name(kv.key), value: type === eventDelete ? null : parseValue(kv) });
  }
  return found;
}

const signReadCount = 2;
const signReads = (layout: KeyLayout) => [
  { request_range: { key: layout.incarnation } },
  { request_range: { key: layout.tip } },
];
const putTip = (layout: KeyLayout) => ({ request_put: { key: layout.tip, value: Buffer.alloc(0) } });

function storeSign(response: TxnResponse): StoreSign {
  const [incarnation, tip] = response.responses.map((item) => item.response_range?.kvs[0]);
  return {
    incarnation: incarnation === undefined ? null : incarnation.value.toString('utf8'),
    tip: revision(Number(tip?.mod_revision ?? 0)),
    cluster: response.header.cluster_id,
  };
}

const storedValue = (item: KeyValue): StoredValue => ({
  value: parseValue(item),
  revision: revision(Number(item.mod_revision)),
});

function parseValue(item: KeyValue): Json {
  try {
    return JSON.parse(item.value.toString('utf8')) as Json;
  } catch (cause) {
    throw new ForeignValue(
      `key ${JSON.stringify(item.key.toString('utf8'))} holds no JSON: something else writes there`,
      { cause },
    );
  }
}
