import type { Component, ComponentKind, Instance } from '../src/core/topology/topology.ts';
import type { LabContext } from './configs.ts';
import { type Address, type InstanceService, instanceEndpoint, type VenueService, venueEndpoint } from './layout.ts';
import { calendarOf } from './market-clock.ts';

/**
 * The services of the trading stack that a topology may run beside its engines: which program each kind is, and what stands in its
 * configuration. Another kind is one entry in each of the two tables here, and its ports in `servicesByKind` (`layout.ts`).
 */
export const serviceScripts = {
  'risk-engine': 'trading/risk/main.ts',
  'position-keeper': 'trading/positions/main.ts',
  'market-data': 'trading/market-data/main.ts',
} as const satisfies Partial<Record<ComponentKind, string>>;

export type ServiceKind = keyof typeof serviceScripts;

/** What a service finds in its site. */
export interface ServiceGround {
  readonly context: LabContext;
  readonly component: Component;
  readonly instance: Instance;
  /** Fields that every instance has: `instance`, `site`, `dataDir`, `control`. */
  readonly common: object;
  readonly own: (service: InstanceService) => Address;
  /** Orders ports of the engines of its site. */
  readonly engines: readonly Address[];
  /** The site's own database; null where there is none. */
  readonly database: object | null;
  /** Where the exchanges of its site answer about the firm's orders. */
  readonly venueLines: () => readonly object[];
}

const files: Readonly<Record<ServiceKind, (ground: ServiceGround) => object>> = {
  'risk-engine': ({ context, common, own, engines, instance, database }) => ({
    ...common,
    listen: own('risk'),
    tokenFile: context.secrets.riskToken,
    engines,
    marketData: marketDataBeside(context, instance),
    database,
    initial: labLimits,
  }),
  'position-keeper': ({ context, common, own, engines, instance, database, venueLines }) => ({
    ...common,
    listen: own('positions'),
    engines,
    marketData: marketDataBeside(context, instance),
    reconcile: booksBeside(context, { database, venueLines }),
  }),
  'market-data': ({ context, common, own, instance }) => ({
    ...common,
    publish: own('prices'),
    venues: venuesSeenFrom(context, instance),
  }),
};

export const isService = (kind: ComponentKind): kind is ServiceKind => kind in serviceScripts;

export const serviceFile = (kind: ServiceKind, ground: ServiceGround): object => files[kind](ground);

/** Of an engine's configuration: it obeys a risk engine where the topology has one, and refuses new risk without. */
export const riskOfEngine = ({ topology, secrets }: LabContext): object =>
  topology.components.some(({ kind }) => kind === 'risk-engine') ? { risk: { tokenFile: secrets.riskToken } } : {};

/** What a recovery compares positions with; a read is given up soon enough for an action to answer in its time. */
const booksBeside = (
  { topology }: LabContext,
  { database, venueLines }: Pick<ServiceGround, 'database' | 'venueLines'>,
): object => {
  const { toleranceLots, alertAboveLots, settleMs } = topology.reconciliation;
  const keepsOrders = database !== null && topology.components.some(({ kind }) => kind === 'order-management');
  return {
    databases: keepsOrders ? [database] : [],
    venues: venueLines(),
    tolerance: toleranceLots,
    alertAbove: alertAboveLots,
    settleMs,
    deadlineMs: 1500,
    store: 'data/breaks',
  };
};

/** Market data services of an instance's site. */
const marketDataBeside = ({ topology, book }: LabContext, { host }: Instance): readonly Address[] => {
  const siteOf = (id: string) => topology.hosts.find((each) => each.id === id)!.site;
  return topology.components
    .filter(({ kind }) => kind === 'market-data')
    .flatMap(({ instances }) => instances.filter((each) => siteOf(each.host) === siteOf(host)))
    .map(({ id }) => book.addressFrom({ host }, instanceEndpoint(id, 'prices')));
};

/** Feeds and recovery services of the exchanges on which an instance's site trades. */
const venuesSeenFrom = ({ topology, book }: LabContext, { host }: Instance): readonly object[] => {
  const site = topology.hosts.find((each) => each.id === host)!.site;
  return topology.venues
    .filter((venue) => venue.rttMsBySite[site] !== undefined)
    .map((venue) => {
      const at = (service: VenueService) => book.addressFrom({ host }, venueEndpoint(venue.id, service));
      const feeds = { feedA: at('feed-a'), feedB: at('feed-b'), recovery: at('recovery') };
      return { name: venue.id, ...feeds, ...calendarOf(venue) };
    });
};

/** What a lab begins with: wide enough for its order flow; written to the database once, at the first promotion. */
const labLimits = [
  { scope: 'firm', name: '', limits: { maxExposure: 1_000_000_000_000_000 } },
  {
    scope: 'client',
    name: '*',
    limits: { maxOrderQty: 1_000_000, maxOpenOrders: 1_000_000, maxPosition: 100_000_000, maxExposure: 1e14 },
  },
];
