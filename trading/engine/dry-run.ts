import { monoNowMs } from '../base/mono-clock.ts';
import { ContractError } from '../control/contract.ts';
import type { NewCommand } from './client-protocol.ts';
import { type Limits, limitBreach } from './pre-trade.ts';
import type { VenueSession } from './venue/venue-session.ts';

/** Sends an order that the venue checks and does not book; settles with the time until it said that it would take it. */
export const dryRun = (options: {
  readonly session: VenueSession;
  readonly limits: Limits;
  readonly about: { readonly venue: string; readonly id: string; readonly symbol: string };
  readonly deadlineMs: number;
  /** Journals the test, and sends it once that is released. */
  readonly send: () => void;
  /** Entries that wait for release, for people. */
  readonly waiting: () => number;
}): Promise<number> => {
  const { session, limits, about, deadlineMs, send, waiting } = options;
  const { venue, id, symbol } = about;
  const refuse = (why: string): ContractError => new ContractError('not-ready', `${venue}: ${why}`);
  if (!session.ready) return Promise.reject(refuse('the session is not ready'));
  const command: NewCommand = { t: 'new', id, symbol, side: 'B', price: 1, qty: 1 };
  const breach = limitBreach(command, limits);
  if (breach !== null) return Promise.reject(refuse(`the limits refuse a test order: ${breach}`));
  const startedAtMs = monoNowMs();
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      session.forgetTest(id);
      reject(refuse(`no answer to the test order within ${deadlineMs} ms (${waiting()} entries wait for release)`));
    }, deadlineMs);
    session.expectTest(id, (code) => {
      clearTimeout(deadline);
      if (code === null) resolve(monoNowMs() - startedAtMs);
      else reject(refuse(`it would refuse the test order: ${code}`));
    });
    send();
  });
};
