/**
 * What the engine journals. An entry is one line, a JSON array whose first element names its kind; its sequence and epoch are
 * those of its place in the journal. `n` is the venue's report number. State is a fold over entries and nothing else.
 */
export type Side = 'B' | 'S';

export type Entry =
  | { readonly kind: 'epoch'; readonly instance: string }
  | {
      readonly kind: 'order';
      readonly id: string;
      readonly client: string;
      readonly symbol: string;
      readonly side: Side;
      readonly price: number;
      readonly qty: number;
      /** Sequencer's wall clock, for people. */
      readonly at: number;
    }
  | {
      readonly kind: 'cancel';
      readonly id: string;
      readonly client: string;
      readonly target: string;
      readonly at: number;
    }
  | { readonly kind: 'accepted'; readonly n: number; readonly id: string }
  | { readonly kind: 'rejected'; readonly n: number; readonly id: string; readonly code: string }
  | {
      readonly kind: 'fill';
      readonly n: number;
      readonly id: string;
      readonly exec: string;
      readonly price: number;
      readonly qty: number;
    }
  /** `id` is the cancel's; empty when the venue did it unasked. */
  | { readonly kind: 'cancelled'; readonly n: number; readonly id: string; readonly target: string }
  | {
      readonly kind: 'cancel-rejected';
      readonly n: number;
      readonly id: string;
      readonly target: string;
      readonly code: string;
    }
  /** The engine itself takes back an order that nobody was told of. */
  | { readonly kind: 'withdrawn'; readonly id: string; readonly code: string }
  /** A dry-run order: proves the path, changes nothing. */
  | { readonly kind: 'test'; readonly id: string };

/** Entries that carry something from the venue. */
export type VenueEntry = Extract<Entry, { n: number }>;

export const encodeEntry = (entry: Entry): string => {
  switch (entry.kind) {
    case 'epoch':
      return JSON.stringify(['e', entry.instance]);
    case 'order':
      return JSON.stringify(['o', entry.id, entry.client, entry.symbol, entry.side, entry.price, entry.qty, entry.at]);
    case 'cancel':
      return JSON.stringify(['c', entry.id, entry.client, entry.target, entry.at]);
    case 'accepted':
      return JSON.stringify(['a', entry.n, entry.id]);
    case 'rejected':
      return JSON.stringify(['r', entry.n, entry.id, entry.code]);
    case 'fill':
      return JSON.stringify(['f', entry.n, entry.id, entry.exec, entry.price, entry.qty]);
    case 'cancelled':
      return JSON.stringify(['x', entry.n, entry.id, entry.target]);
    case 'cancel-rejected':
      return JSON.stringify(['y', entry.n, entry.id, entry.target, entry.code]);
    case 'withdrawn':
      return JSON.stringify(['w', entry.id, entry.code]);
    case 'test':
      return JSON.stringify(['t', entry.id]);
  }
};

/** Reads what `encodeEntry` wrote. The block's checksum has vouched for the text, so a strange one is a bug and throws. */
export const decodeEntry = (line: string): Entry => {
  const fields = JSON.parse(line) as readonly [string, ...(string | number)[]];
  const text = (at: number) => fields[at] as string;
  const count = (at: number) => fields[at] as number;
  switch (fields[0]) {
    case 'e':
      return { kind: 'epoch', instance: text(1) };
    case 'o':
      return {
        kind: 'order',
        id: text(1),
        client: text(2),
        symbol: text(3),
        side: text(4) as Side,
        price: count(5),
        qty: count(6),
        at: count(7),
      };
    case 'c':
      return { kind: 'cancel', id: text(1), client: text(2), target: text(3), at: count(4) };
    case 'a':
      return { kind: 'accepted', n: count(1), id: text(2) };
    case 'r':
      return { kind: 'rejected', n: count(1), id: text(2), code: text(3) };
    case 'f':
      return { kind: 'fill', n: count(1), id: text(2), exec: text(3), price: count(4), qty: count(5) };
    case 'x':
      return { kind: 'cancelled', n: count(1), id: text(2), target: text(3) };
    case 'y':
      return { kind: 'cancel-rejected', n: count(1), id: text(2), target: text(3), code: text(4) };
    case 'w':
      return { kind: 'withdrawn', id: text(1), code: text(2) };
    case 't':
      return { kind: 'test', id: text(1) };
    default:
      throw new Error(`a journal entry of unknown kind ${fields[0]}: written by a newer version?`);
  }
};
