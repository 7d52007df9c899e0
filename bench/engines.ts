import { type EngineUnderTest, TradingWorld, untilReleasing } from '../trading/testing/trading-world.ts';
import type { Placement } from './placement.ts';
import type { QuietVenue } from './quiet-venue.ts';

/** Orders that clients may leave unanswered in any benchmark. */
export const MOST_UNANSWERED = 8192;
/** Memory that every engine here takes at its start, as one does that expects so many orders in a day. */
export const RESERVED_ORDERS = 1_000_000;
/** The same where as many orders as possible are measured. */
export const THROUGHPUT_ORDERS = 6_000_000;
const LEASE_MS = 600_000;

export interface EnginesOptions {
  /** Null: the world's own exchange, which books every order and fills none. */
  readonly venue: QuietVenue | null;
  readonly placement: Placement;
  /** See the engine's configuration. */
  readonly sync: 'none' | 'group';
  /** With a second engine, that must confirm. */
  readonly replica: boolean;
  readonly upstreamSilentMs?: number;
  /** Left out = `RESERVED_ORDERS`. */
  readonly reserveOrders?: number;
  /** Port of a link to the primary's replication port, which the replica is to use. */
  readonly linkTo?: (port: number) => Promise<number>;
}

export interface Engines {
  readonly world: TradingWorld;
  readonly primary: EngineUnderTest;
  readonly replica: EngineUnderTest | null;
}

/** A primary beside an exchange that says nothing, with or without a replica; ended when the body is through. */
export const withEngines = async <Result>(
  options: EnginesOptions,
  body: (engines: Engines) => Promise<Result>,
): Promise<Result> => {
  const { venue, placement, sync, linkTo } = options;
  const world = await TradingWorld.open({ fillShare: 0 });
  try {
    const settings = {
      ...(venue === null ? {} : { venue: { port: venue.port, firm: 'BENCH' } }),
      journal: { sync },
      limits: { maxOpenOrdersPerClient: 1_000_000_000 },
      timing: { heartbeatMs: 40, replicaLostMs: 5000, upstreamSilentMs: options.upstreamSilentMs ?? 250 },
      maxHeldEntries: 2 * MOST_UNANSWERED,
      reserveOrders: options.reserveOrders ?? RESERVED_ORDERS,
    };
    const primary = await world.engine('a', settings);
    placement.server(primary.process.pid);
    await primary.promote(1, options.replica ? ['b'] : [], LEASE_MS);
    let replica: EngineUnderTest | null = null;
    if (options.replica) {
      replica = await world.engine('b', settings);
      placement.replica(replica.process.pid);
      const port = primary.process.port('replication');
      const through = linkTo === undefined ? port : await linkTo(port);
      const upstream = { instance: primary.instance, address: `127.0.0.1:${through}` };
      await replica.must('follow', { epoch: 1, upstream, mode: 'sync' });
    }
    await untilReleasing(primary);
    return await body({ world, primary, replica });
  } finally {
    await world.close();
  }
};
