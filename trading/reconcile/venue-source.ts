import type { JsonRecord } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import { LineExchange } from '../load/line-exchange.ts';
import type { ExchangeRecord } from './book.ts';
import type { ExchangeSource } from './book-source.ts';
import { MessageFields } from './message-fields.ts';
import { VenueRecord } from './venue-record.ts';

export interface VenueAddress extends Address {
  readonly name: string;
  readonly firm: string;
  /** Where sessions of the exchange prove themselves by one. */
  readonly password?: string;
}

/**
 * What all exchanges say about the firm: drop copy and order status, asked on one connection, so that both are of the same moment.
 * A repeated read asks only for what was reported since.
 */
export const venueSource = (options: {
  readonly name: string;
  readonly venues: readonly VenueAddress[];
}): ExchangeSource => {
  const records = options.venues.map((venue) => ({ venue, record: new VenueRecord(venue.name) }));
  return {
    name: options.name,
    read: async ({ deadlineMs }) => {
      const read = await Promise.all(records.map(({ venue, record }) => readVenue(venue, record, deadlineMs)));
      return combined(options.name, read);
    },
  };
};

const readVenue = async (
  venue: VenueAddress,
  record: VenueRecord,
  deadlineMs: number,
): Promise<Omit<ExchangeRecord, 'name'>> => {
  const exchange = LineExchange.open(venue.name, venue);
  const { firm, password } = venue;
  try {
    exchange.send({ t: 'drop-copy', firm, password, after: record.last });
    for (let ended = false; !ended; ) ended = took(venue, record, await exchange.next(deadlineMs)) === 'drop-copy-end';
    // Reports that are made meanwhile come before the answer, because both come in the order in which they were made.
    exchange.send({ t: 'status', firm, password });
    for (;;) {
      const message = await exchange.next(deadlineMs);
      if (took(venue, record, message) === 'status') return record.record(openOrders(venue.name, message));
    }
  } finally {
    exchange.close();
  }
};

const took = (venue: VenueAddress, record: VenueRecord, message: JsonRecord): 'report' | 'drop-copy-end' | 'status' => {
  switch (message['t']) {
    case 'report':
      record.apply(message);
      return 'report';
    case 'drop-copy-end': {
      const last = new MessageFields(venue.name, message).count('last');
      if (last < record.last)
        throw new Error(`${venue.name} ends at report ${last}; it had made ${record.last} before`);
      return 'drop-copy-end';
    }
    case 'status':
      return 'status';
    default:
      throw new Error(`${venue.name} answered ${JSON.stringify(message)}`);
  }
};

const openOrders = (name: string, message: JsonRecord): ReadonlyMap<string, number> => {
  const orders = message['orders'];
  if (!Array.isArray(orders)) throw new Error(`${name} answered ${JSON.stringify(message)}`);
  return new Map(
    (orders as JsonRecord[]).map((each) => {
      const fields = new MessageFields(name, each);
      return [fields.text('id'), fields.count('open')] as const;
    }),
  );
};

const combined = (name: string, records: readonly Omit<ExchangeRecord, 'name'>[]): ExchangeRecord => ({
  name,
  orders: records.flatMap(({ orders }) => orders),
  fills: records.flatMap(({ fills }) => fills),
  rejected: new Set(records.flatMap(({ rejected }) => [...rejected])),
  contradictions: records.flatMap(({ contradictions }) => contradictions),
});
