import { emptyIdView, type IdView } from '../../base/id-view.ts';
import {
  BUY,
  DAY,
  LIMIT,
  type OrderType,
  type Phase,
  type Reason,
  type SelfTrade,
  type Side,
  type TimeInForce,
} from './terms.ts';

/** What the exchange is asked to do. Firms, sessions and symbols are the numbers that `Exchange` gave their names. */
export const COMMAND_KINDS = ['new', 'cancel', 'replace', 'mass-cancel', 'phase', 'epoch', 'end-session'] as const;
export type CommandKind = (typeof COMMAND_KINDS)[number];

/**
 * One command, filled in again for each. `new` uses everything; `cancel` id and target; `replace` id, target, price and quantity (the
 * new total); `mass-cancel` id, and symbol and side where they narrow it (-1 = all); `end-session` cancels what a session that was
 * lost leaves (`keepPersistent`: except good-till-cancelled orders); `phase` symbol (-1 = all) and phase; `epoch` firm and epoch.
 */
export class Command {
  kind: CommandKind = 'new';
  /** Wall clock of the exchange, milliseconds. */
  atMs = 0;
  firm = 0;
  session = 0;
  readonly id: IdView = emptyIdView();
  readonly target: IdView = emptyIdView();
  symbol = 0;
  side: Side | -1 = BUY;
  type: OrderType = LIMIT;
  timeInForce: TimeInForce = DAY;
  price = 0;
  quantity = 0;
  /** Null = as the exchange's rules say. */
  selfTrade: SelfTrade | null = null;
  epoch = 0;
  phase: Phase = 'continuous';
  keepPersistent = true;
  reason: Reason = '';
}
