import { join } from 'node:path';
import type { ControlHandlers } from '../control/control-server.ts';
import { type ActDetail, recoveryAction } from '../control/recovery-action.ts';
import type { OmsOptions } from './oms-reign.ts';
import { checkOpenOrders } from './open-order-check.ts';
import { keepOpenOrders, type OpenOrders, readOpenOrders } from './open-orders.ts';
import type { Persister } from './persister.ts';
import { withReadConnection } from './read-connection.ts';

/** The steps of order management's recovery, in their order. Each may be asked for again. `persister` throws `not-ready` where there is none. */
export const recoveryActions = (
  options: OmsOptions,
  persister: () => Persister,
): NonNullable<ControlHandlers['actions']> => {
  const action = (act: (persister: Persister, params: { readonly epoch: number }) => Promise<ActDetail>) =>
    recoveryAction(persister, act);
  return {
    'stop-accepting': action(async (persister, { epoch }) => {
      options.stopped.set(epoch);
      await persister.stopAccepting(settleDeadlineMs);
      return { accepting: false, waitingEntries: persister.lagEntries };
    }),
    'snapshot-open-orders': action(async () => {
      const { position, orders } = await readStored(options);
      const { instance, dataDir } = options;
      const kept = keepOpenOrders(join(dataDir, 'snapshots'), { position, orders, instance, at: new Date() });
      return { count: orders.length, sequence: position.sequence, ...kept };
    }),
    reconcile: action(async () => {
      if (options.venues.length === 0) throw new Error('the configuration names no exchange ("venues") to ask');
      const { engines, venues } = options;
      const read = () => readStored(options);
      const found = await checkOpenOrders({ read, engines, venues, deadlineMs: reconcileDeadlineMs });
      const { stored, atVenues, agree, behind, breaks } = found;
      const named = breaks.slice(0, mostNamed).map(({ id, kind, found: what }) => `${id} ${kind} (${what})`);
      return { stored, atVenues, agree, behind, breaks: breaks.length, named: named.join('; ') };
    }),
    reload: action(async (persister) => {
      await persister.reload();
      const { activeOrders } = persister.figures;
      return { activeOrders: activeOrders ?? 0, sequence: persister.position.sequence };
    }),
    resume: action(async (persister) => {
      options.stopped.clear();
      persister.startAccepting();
      const caughtUp = await persister.caughtUp(catchUpDeadlineMs);
      return { accepting: true, caughtUp, lagEntries: persister.lagEntries };
    }),
  };
};

const readStored = ({ database, stream }: OmsOptions): Promise<OpenOrders> =>
  withReadConnection({ database, deadlineMs: readDeadlineMs }, (client) => readOpenOrders(client, stream));

const settleDeadlineMs = 2000;
const readDeadlineMs = 5000;
const reconcileDeadlineMs = 3000;
const catchUpDeadlineMs = 2000;
/** Of the breaks, so many are named in the answer. */
const mostNamed = 20;
