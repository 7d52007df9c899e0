import { monoNowMs } from '../base/mono-clock.ts';
import { ContractError } from '../control/contract.ts';
import type { NewCommand } from './client-protocol.ts';
import { type Limits, limitBreach } from './pre-trade.ts';
import type { VenueLink } from './venue-link.ts';

/** Sends an order that the venue checks and does not book; settles with the time until it said that it would take it. */
export const dryRun = (options: {
  readonly venue: VenueLink;
  readonly limits: Limits;
  readonly id: string;
  readonly deadlineMs: number;
  /** Journals the test, and sends this text once that is released. */
  readonly send: (text: string) => void;
  /** Entries that wait for release, for people. */
  readonly waiting: () => number;
}): Promise<{ readonly elapsedMs: number }> => {
  const { venue, limits, id, deadlineMs, send, waiting } = options;
  if (!venue.ready) throw new ContractError('not-ready', 'the venue session is not ready');
  const symbol = limits.symbols.values().next().value ?? 'TEST';
  const command: NewCommand = { t: 'new', id, symbol, side: 'B', price: 1, qty: 1 };
  const breach = limitBreach(command, limits);
  if (breach !== null) throw new ContractError('not-ready', `the limits refuse a test order: ${breach}`);
  const startedAtMs = monoNowMs();
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      venue.forgetDryRun(id);
      const why = `no answer to the test order within ${deadlineMs} ms (${waiting()} entries wait for release)`;
      reject(new ContractError('not-ready', why));
    }, deadlineMs);
    venue.expectDryRun(id, (code) => {
      clearTimeout(deadline);
      if (code === null) resolve({ elapsedMs: monoNowMs() - startedAtMs });
      else reject(new ContractError('not-ready', `the venue would refuse the test order: ${code}`));
    });
    send(`${JSON.stringify({ ...command, dry: true })}\n`);
  });
};
