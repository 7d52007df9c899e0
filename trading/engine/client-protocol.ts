import { countField, type JsonRecord, parseRecord, textField, textListField } from '../base/json-record.ts';
import type { Entry, Side } from './entry.ts';
import type { ChangeRequest, Order } from './order-view.ts';

/** Messages of the orders port; `trading/README.md` describes them to clients. */
export interface NewCommand {
  readonly t: 'new';
  readonly id: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: number;
  readonly qty: number;
  /** Left out = for the day. */
  readonly tif?: 'gtc';
}
/** Price and total quantity that an order shall have. */
export interface ReplaceCommand {
  readonly t: 'replace';
  readonly id: string;
  readonly target: string;
  readonly price: number;
  readonly qty: number;
}
export interface CancelCommand {
  readonly t: 'cancel';
  readonly id: string;
  readonly target: string;
}
export type ClientMessage =
  | { readonly t: 'logon'; readonly client: string }
  | NewCommand
  | CancelCommand
  | ReplaceCommand
  | { readonly t: 'query'; readonly ids: readonly string[] }
  | { readonly t: 'query-all'; readonly after: number; readonly limit: number }
  | { readonly t: 'subscribe'; readonly after: number }
  /** A reader has stored what it read; see `ReaderDesk`. */
  | { readonly t: 'stored' };

const MAX_PAGE = 1000;
const ID = /^[A-Za-z0-9._:-]{1,64}$/;

const idField = (record: JsonRecord, name: string): string | null => {
  const text = textField(record, name);
  return text !== null && ID.test(text) ? text : null;
};

/** The message in a line; null when it is not one. `id` is there for the reject if at all readable. */
export const parseClientMessage = (
  line: string,
): { readonly message: ClientMessage | null; readonly id: string | null } => {
  const record = parseRecord(line);
  if (record === null) return { message: null, id: null };
  return { message: readMessage(record), id: idField(record, 'id') };
};

const readMessage = (record: JsonRecord): ClientMessage | null => {
  switch (record.t) {
    case 'new': {
      const id = idField(record, 'id');
      const symbol = idField(record, 'symbol');
      const side = record.side;
      const price = countField(record, 'price');
      const qty = countField(record, 'qty');
      if (id === null || symbol === null || (side !== 'B' && side !== 'S') || price === null || qty === null)
        return null;
      const tif = record.tif ?? 'day';
      if (tif !== 'day' && tif !== 'gtc') return null;
      return { t: 'new', id, symbol, side, price, qty, ...(tif === 'gtc' ? { tif } : {}) };
    }
    case 'replace': {
      const id = idField(record, 'id');
      const target = idField(record, 'target');
      const price = countField(record, 'price');
      const qty = countField(record, 'qty');
      if (id === null || target === null || price === null || qty === null) return null;
      return { t: 'replace', id, target, price, qty };
    }
    case 'cancel': {
      const id = idField(record, 'id');
      const target = idField(record, 'target');
      return id === null || target === null ? null : { t: 'cancel', id, target };
    }
    case 'logon': {
      const client = idField(record, 'client');
      return client === null ? null : { t: 'logon', client };
    }
    case 'query': {
      const ids = textListField(record, 'ids');
      return ids === null || ids.length > MAX_PAGE ? null : { t: 'query', ids };
    }
    case 'query-all': {
      const after = countField(record, 'after') ?? 0;
      return { t: 'query-all', after, limit: Math.min(MAX_PAGE, Math.max(1, countField(record, 'limit') ?? MAX_PAGE)) };
    }
    case 'subscribe':
      return { t: 'subscribe', after: countField(record, 'after') ?? 0 };
    case 'stored':
      return { t: 'stored' };
    default:
      return null;
  }
};

export const ackText = (known: { readonly id: string; readonly seq: number; readonly epoch: number }): string =>
  `{"t":"ack","id":"${known.id}","seq":${known.seq},"epoch":${known.epoch}}\n`;

export const rejectText = (id: string | null, code: string, seq?: number): string =>
  `${JSON.stringify({ t: 'reject', ...(id === null ? {} : { id }), code, ...(seq === undefined ? {} : { seq }) })}\n`;

/** The event that an entry means to a client, or null when it means none. */
export const eventText = (seq: number, epoch: number, entry: Entry): string | null => {
  switch (entry.kind) {
    case 'fill': {
      const { id, exec, price, qty } = entry;
      return `${JSON.stringify({ t: 'fill', id, exec, price, qty, seq, epoch })}\n`;
    }
    case 'cancelled':
      return `${JSON.stringify({ t: 'cancelled', id: entry.id, target: entry.target, seq, epoch })}\n`;
    case 'replaced': {
      const { id, target, price, qty } = entry;
      return `${JSON.stringify({ t: 'replaced', id, target, price, qty, seq, epoch })}\n`;
    }
    case 'rejected':
    case 'withdrawn':
    case 'refused':
    case 'cancel-rejected':
    case 'replace-rejected':
      return rejectText(entry.id, entry.code, seq);
    default:
      return null;
  }
};

export const recordOf = (known: Order | ChangeRequest): object => {
  if (known.kind !== 'order') {
    const { id, target, state, seq, epoch, client } = known;
    const terms = known.kind === 'replace' ? { price: known.price, qty: known.qty } : {};
    return { id, target, ...terms, state, seq, epoch, client };
  }
  const { id, symbol, side, price, qty, state, filled, seq, epoch, client, tif, venue } = known;
  const rest = { ...(tif === 'gtc' ? { tif } : {}), ...(venue === '' ? {} : { venue }) };
  return { id, symbol, side, price, qty, state, filled, seq, epoch, client, ...rest };
};

/** An entry as subscribers get it: exchanges by name. */
export const entryText = (seq: number, epoch: number, entry: Entry, venueName: (venue: number) => string): string => {
  if (entry.kind === 'venue') return `${JSON.stringify({ t: 'entry', seq, epoch, kind: 'venue', name: entry.name })}\n`;
  if (entry.kind !== 'order' && !('n' in entry)) return `${JSON.stringify({ t: 'entry', seq, epoch, ...entry })}\n`;
  const venue = venueName(entry.venue ?? 0);
  const told = { t: 'entry', seq, epoch, ...entry, venue: venue === '' ? undefined : venue, n: undefined };
  return `${JSON.stringify(told)}\n`;
};

/** Stands for what a FIX session keeps in this journal: only its place. */
export const sessionEntryText = (seq: number, epoch: number): string =>
  `${JSON.stringify({ t: 'entry', seq, epoch, kind: 'session' })}\n`;
