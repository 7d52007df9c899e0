import { type ActParams, type ActResult, ContractError, type Position } from '../control/contract.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import { type FeedSet, staleText } from './feed-set.ts';

type Detail = ActResult['detail'];

/** The steps of market data's recovery, in their order. Each may be asked for again. */
export const recoveryActions = (options: {
  readonly feeds: FeedSet;
  readonly position: () => Position;
  /** Hears the feeds, if it does not. */
  readonly listen: () => void;
  /** Throws `not-ready` where the feeds are not heard at all. */
  readonly requireListening: () => void;
}): NonNullable<ControlHandlers['actions']> => {
  const { feeds, position, listen, requireListening } = options;
  const action =
    (act: () => Promise<Detail> | Detail) =>
    async (params: ActParams): Promise<ActResult> => {
      if (params.action === 'reconnect') listen();
      requireListening();
      const detail = await act();
      return { action: params.action, position: position(), detail };
    };
  return {
    reconnect: action(async () => {
      for (const feed of feeds.feeds) feed.rejoin();
      const brings = (feed: 'packetsA' | 'packetsB') => feeds.feeds.every(({ figures }) => figures[feed]! > 0);
      await feeds.until(({ figures }) => figures['packetsA']! > 0 && figures['packetsB']! > 0, deadlineMs);
      const [feedA, feedB] = [brings('packetsA'), brings('packetsB')];
      if (!feedA && !feedB) throw new ContractError('not-ready', 'neither feed brings packets');
      return { feedA, feedB };
    }),
    snapshot: action(async () => {
      for (const feed of feeds.feeds) feed.takeSnapshot();
      if (!(await feeds.until(({ synced }) => synced, deadlineMs)))
        throw new ContractError('not-ready', `no snapshot from ${feeds.namesOf(({ synced }) => !synced)}`);
      return { symbols: feeds.symbols, sequence: feeds.sequence };
    }),
    'fill-gaps': action(async () => {
      if (!(await feeds.until(({ complete }) => complete, deadlineMs)))
        throw new ContractError('not-ready', `something is missing of ${feeds.namesOf(({ complete }) => !complete)}`);
      return { sequence: feeds.sequence, filled: feeds.figure('filled') };
    }),
    'check-freshness': action(() => {
      const { ageMs, feedAAgeMs, feedBAgeMs, inMarketHours, stale } = feeds.freshness;
      if (stale) throw new ContractError('not-ready', staleText(ageMs));
      return { ageMs, feedAAgeMs, feedBAgeMs, inMarketHours };
    }),
  };
};

const deadlineMs = 3000;
