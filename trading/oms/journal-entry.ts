import { countField, type JsonRecord, textField } from '../base/json-record.ts';

interface At {
  readonly seq: number;
  readonly epoch: number;
}

/** A released entry of the engine's journal, as far as order management cares; `other` only moves the position. */
export type JournalEntry =
  | (At & {
      readonly kind: 'order';
      readonly id: string;
      readonly client: string;
      readonly symbol: string;
      readonly side: 'B' | 'S';
      readonly price: number;
      readonly qty: number;
    })
  | (At & { readonly kind: 'accepted' | 'cancelled' | 'rejected'; readonly orderId: string })
  | (At & {
      readonly kind: 'fill';
      readonly orderId: string;
      readonly exec: string;
      readonly price: number;
      readonly qty: number;
      /** Execution ids are unique at one exchange. Left out when the engine names none. */
      readonly venue?: string;
    })
  | (At & { readonly kind: 'replaced'; readonly orderId: string; readonly price: number; readonly qty: number })
  | (At & { readonly kind: 'other' });

/** null when the message is not an entry that can be relied on. */
export const parseEntry = (message: JsonRecord): JournalEntry | null => {
  const seq = countField(message, 'seq');
  const epoch = countField(message, 'epoch');
  if (seq === null || epoch === null) return null;
  const at = { seq, epoch };
  const id = textField(message, 'id');
  switch (message['kind']) {
    case 'order':
      return id === null ? null : parseOrder(message, id, at);
    case 'fill': {
      const exec = textField(message, 'exec');
      const price = countField(message, 'price');
      const qty = countField(message, 'qty');
      if (id === null || exec === null || price === null || qty === null) return null;
      const venue = textField(message, 'venue');
      return { ...at, kind: 'fill', orderId: id, exec, price, qty, ...(venue === null ? {} : { venue }) };
    }
    case 'replaced': {
      const target = textField(message, 'target');
      const price = countField(message, 'price');
      const qty = countField(message, 'qty');
      if (target === null || price === null || qty === null) return null;
      return { ...at, kind: 'replaced', orderId: target, price, qty };
    }
    case 'refused':
      if (id === null) return null;
      return message['of'] === 'order' ? { ...at, kind: 'rejected', orderId: id } : { ...at, kind: 'other' };
    case 'cancelled': {
      const target = textField(message, 'target');
      return target === null ? null : { ...at, kind: 'cancelled', orderId: target };
    }
    case 'withdrawn':
      return id === null ? null : { ...at, kind: 'rejected', orderId: id };
    case 'accepted':
    case 'rejected':
      return id === null ? null : { ...at, kind: message['kind'], orderId: id };
    case 'cancel':
    case 'cancel-rejected':
    case 'replace':
    case 'replace-rejected':
    case 'venue':
    case 'epoch':
    case 'test':
    case 'session':
      return { ...at, kind: 'other' };
    default:
      return null;
  }
};

const parseOrder = (message: JsonRecord, id: string, at: At): JournalEntry | null => {
  const client = textField(message, 'client');
  const symbol = textField(message, 'symbol');
  const side = message['side'];
  const price = countField(message, 'price');
  const qty = countField(message, 'qty');
  if (client === null || symbol === null || price === null || qty === null) return null;
  return side === 'B' || side === 'S' ? { ...at, kind: 'order', id, client, symbol, side, price, qty } : null;
};
