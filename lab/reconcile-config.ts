import { join } from 'node:path';
import { firmAt, labDatabase } from './agent-config.ts';
import type { LabContext } from './configs.ts';
import { instanceEndpoint, venueEndpoint } from './layout.ts';

/**
 * What `trading/reconcile/main.ts` needs to compare the books of a lab: engine and database behind the fronts, position keepers, every exchange,
 * and the topology's thresholds.
 */
export function reconcileFile({ topology, book, directory, secrets }: LabContext): {
  readonly file: string;
  readonly content: object;
} {
  const { toleranceLots, alertAboveLots, settleMs } = topology.reconciliation;
  const fronts = topology.components.filter((component) => component.kind === 'front').flatMap((c) => c.instances);
  const addressOf = (instance: (typeof fronts)[number], service: 'orders' | 'database') =>
    book.addressFrom('outside', instanceEndpoint(instance.id, service));
  const keepsOrders = topology.components.some(({ kind }) => kind === 'order-management');
  return {
    file: join(directory.outside('reconcile'), 'config.json'),
    content: {
      engines: fronts.map((instance) => addressOf(instance, 'orders')),
      databases: keepsOrders
        ? fronts.map((instance) => ({
            ...addressOf(instance, 'database'),
            user: 'persister',
            passwordFile: secrets.databasePassword('persister'),
            database: labDatabase,
          }))
        : [],
      keepers: topology.components
        .filter(({ kind }) => kind === 'position-keeper')
        .flatMap(({ instances }) => instances)
        .map(({ id }) => book.addressFrom('outside', instanceEndpoint(id, 'positions'))),
      venues: topology.venues.map(({ id, sessions }) => ({
        name: id,
        ...book.realAddress(venueEndpoint(id, 'session')),
        ...firmAt(sessions),
      })),
      tolerance: toleranceLots,
      alertAbove: alertAboveLots,
      settleMs,
      store: 'breaks',
    },
  };
}
