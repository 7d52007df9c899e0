import { countField } from '../base/json-record.ts';
import type { Address } from './line-connection.ts';
import { LineExchange } from './line-exchange.ts';

/**
 * A session with the engine that is primary: of those that answer soon after the first one, the one with the highest epoch. A frozen address is not waited for: a primary
 * whose lease has run out releases no answer, so whoever does answer is not an old one for longer than that.
 */
export const newestPrimary = async (options: {
  readonly addresses: readonly Address[];
  /** Under which name to log on. */
  readonly client: string;
  readonly deadlineMs: number;
}): Promise<LineExchange> => {
  const { addresses, client, deadlineMs } = options;
  const candidates = addresses.map((address) => LineExchange.open(`${address.host}:${address.port}`, address));
  const primaries: { readonly exchange: LineExchange; readonly epoch: number }[] = [];
  const refusals: string[] = [];
  const attempts = candidates.map(async (exchange) => {
    try {
      primaries.push({ exchange, epoch: await logon(exchange, client, deadlineMs) });
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
      throw error;
    }
  });
  const all = Promise.allSettled(attempts);
  const firstAndGrace = Promise.any(attempts).then(() => new Promise((resolve) => setTimeout(resolve, graceMs)));
  await Promise.race([all, firstAndGrace.catch(() => all)]);
  const best = primaries.toSorted((left, right) => right.epoch - left.epoch)[0]?.exchange;
  for (const exchange of candidates) if (exchange !== best) exchange.close();
  if (best === undefined) throw new Error(`no engine is primary (${refusals.join('; ')})`);
  return best;
};

const logon = async (exchange: LineExchange, client: string, deadlineMs: number): Promise<number> => {
  const answer = await exchange.ask({ t: 'logon', client }, deadlineMs);
  if (answer['t'] !== 'logon-ok') throw new Error(`it answered ${String(answer['code'] ?? answer['t'])}`);
  return countField(answer, 'epoch') ?? 0;
};

/** What another address may need longer than the first that answers. */
const graceMs = 100;
