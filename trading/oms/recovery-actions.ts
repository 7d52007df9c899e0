import { join } from 'node:path';
import { type ActParams, type ActResult, ContractError } from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { Address } from '../load/line-connection.ts';
import { checkOpenOrders, type VenueAccess } from './open-order-check.ts';
import { keepOpenOrders, type OpenOrders, readOpenOrders } from './open-orders.ts';
import type { DatabaseAddress } from './order-store.ts';
import type { Persister } from './persister.ts';
import { withReadConnection } from './read-connection.ts';
import type { StoppedMark } from './stopped-mark.ts';

export interface RecoveryOptions {
  readonly instance: string;
  readonly stream: string;
  readonly dataDir: string;
  readonly engines: readonly Address[];
  readonly venues: readonly VenueAccess[];
  readonly database: DatabaseAddress;
  readonly stopped: StoppedMark;
  /** The persister of this reign; throws `not-ready` when there is none. */
  readonly persister: () => Persister;
}

type Detail = ActResult['detail'];

/** The steps of order management's recovery, in their order. Each may be asked for again. */
export const recoveryActions = (options: RecoveryOptions): NonNullable<ControlHandlers['actions']> => {
  const action =
    (act: (persister: Persister, params: ActParams) => Promise<Detail>) =>
    async (params: ActParams): Promise<ActResult> => {
      const persister = options.persister();
      const detail = await act(persister, params).catch((error: unknown) => {
        if (error instanceof ContractError) throw error;
        const found = error instanceof Error ? error.message : String(error);
        throw new ContractError('not-ready', `${params.action}: ${found}`);
      });
      return { action: params.action, position: persister.position, detail };
    };
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

const readStored = ({ database, stream }: RecoveryOptions): Promise<OpenOrders> =>
  withReadConnection({ database, deadlineMs: readDeadlineMs }, (client) => readOpenOrders(client, stream));

const settleDeadlineMs = 2000;
const readDeadlineMs = 5000;
const reconcileDeadlineMs = 3000;
const catchUpDeadlineMs = 2000;
/** Of the breaks, so many are named in the answer. */
const mostNamed = 20;
