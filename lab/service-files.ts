import type { Component, ComponentKind } from '../src/core/topology/topology.ts';
import type { LabContext } from './configs.ts';
import type { Address, InstanceService } from './layout.ts';

/**
 * The services of the trading stack that a topology may run beside its engines: which program each kind is, and what stands in its
 * configuration. Another kind is one entry in each of the two tables here, and its ports in `servicesByKind` (`layout.ts`).
 */
export const serviceScripts = {
  'risk-engine': 'trading/risk/main.ts',
  'position-keeper': 'trading/positions/main.ts',
} as const satisfies Partial<Record<ComponentKind, string>>;

export type ServiceKind = keyof typeof serviceScripts;

/** What a service finds in its site. */
export interface ServiceGround {
  readonly context: LabContext;
  readonly component: Component;
  /** Fields that every instance has: `instance`, `site`, `dataDir`, `control`. */
  readonly common: object;
  readonly own: (service: InstanceService) => Address;
  /** Orders ports of the engines of its site. */
  readonly engines: readonly Address[];
  /** The site's own database; null where there is none. */
  readonly database: object | null;
}

const files: Readonly<Record<ServiceKind, (ground: ServiceGround) => object>> = {
  'risk-engine': ({ context, common, own, engines, database }) => ({
    ...common,
    listen: own('risk'),
    tokenFile: context.secrets.riskToken,
    engines,
    database,
    initial: labLimits,
  }),
  'position-keeper': ({ common, own, engines }) => ({ ...common, listen: own('positions'), engines }),
};

export const isService = (kind: ComponentKind): kind is ServiceKind => kind in serviceScripts;

export const serviceFile = (kind: ServiceKind, ground: ServiceGround): object => files[kind](ground);

/** Of an engine's configuration: it obeys a risk engine where the topology has one, and refuses new risk without. */
export const riskOfEngine = ({ topology, secrets }: LabContext): object =>
  topology.components.some(({ kind }) => kind === 'risk-engine') ? { risk: { tokenFile: secrets.riskToken } } : {};

/** What a lab begins with: wide enough for its order flow; written to the database once, at the first promotion. */
const labLimits = [
  { scope: 'firm', name: '', limits: { maxExposure: 1_000_000_000_000_000 } },
  {
    scope: 'client',
    name: '*',
    limits: { maxOrderQty: 1_000_000, maxOpenOrders: 1_000_000, maxPosition: 100_000_000, maxExposure: 1e14 },
  },
];
