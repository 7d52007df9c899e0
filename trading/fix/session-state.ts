import type { FixMessage } from './fix-message.ts';
import type { DeliveryMarks } from './session-types.ts';
import { TAG } from './tags.ts';

/**
 * `down` no connection · `awaiting-logon` acceptor, connected · `logon-sent` initiator, connected · `up` ·
 * `logout-sent` we said goodbye and wait for the answer · `logout-answered` they did, and are to hang up.
 */
export type SessionState = 'down' | 'awaiting-logon' | 'logon-sent' | 'up' | 'logout-sent' | 'logout-answered';

/** Why a session ends whose deadline in a state has passed. */
export const OVERDUE: Readonly<Record<SessionState, string>> = {
  down: '',
  'awaiting-logon': 'no Logon came in time',
  'logon-sent': 'the Logon was not answered in time',
  up: '',
  'logout-sent': 'the Logout was not answered in time',
  'logout-answered': 'the other side did not hang up after its Logout',
};

const MARKS: readonly DeliveryMarks[] = [
  { possDup: false, possResend: false },
  { possDup: true, possResend: false },
  { possDup: false, possResend: true },
  { possDup: true, possResend: true },
];

/** What a message says of itself. */
export const marksOf = (message: FixMessage): DeliveryMarks =>
  MARKS[(message.flag(TAG.PossDupFlag) ? 1 : 0) + (message.flag(TAG.PossResend) ? 2 : 0)]!;
