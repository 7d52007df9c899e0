import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import { LineExchange } from '../load/line-exchange.ts';
import type { KeeperBook } from './keeper-book.ts';

/** What a comparison with the engine found. */
export type CheckResult =
  | { readonly kind: 'agree'; readonly orders: number; readonly through: number }
  | { readonly kind: 'differ'; readonly found: string }
  /** It could not be made. */
  | { readonly kind: 'unknown'; readonly why: string };

/**
 * Compares executed lots, order by order, with what the engine answers to a query. Each answer says up to which entry it was
 * computed, and is compared with the book as it was after that entry: under any load, what differs is wrong. Orders that nothing can
 * happen to any more are not asked for again.
 */
export class EngineCheck {
  readonly #book: () => KeeperBook;
  #compared: KeeperBook | null = null;
  /** Orders up to this sequence agree and have ended. */
  #settled = 0;

  constructor(book: () => KeeperBook) {
    this.#book = book;
  }

  async run(engine: Address, deadlineMs: number): Promise<CheckResult> {
    const book = this.#book();
    if (book !== this.#compared) this.#settled = 0;
    this.#compared = book;
    const exchange = LineExchange.open('the engine', engine);
    try {
      return await this.#compare(book, exchange, deadlineMs);
    } catch (error) {
      return { kind: 'unknown', why: error instanceof Error ? error.message : String(error) };
    } finally {
      exchange.close();
    }
  }

  async #compare(book: KeeperBook, exchange: LineExchange, deadlineMs: number): Promise<CheckResult> {
    const deadline = performance.now() + deadlineMs;
    let [after, settled, orders, through] = [this.#settled, this.#settled, 0, 0];
    let allEnded = true;
    for (let more = true; more; ) {
      const page = await exchange.ask({ t: 'query-all', after, limit: pageSize }, deadline - performance.now());
      const answered = countField(page, 'through');
      const list = page['orders'];
      if (answered === null || !Array.isArray(list)) throw new Error(`the engine answered ${JSON.stringify(page)}`);
      through = answered;
      await until(() => book.through >= through, deadline);
      const since = book.filledSince(through);
      for (const each of list as JsonRecord[]) {
        const [id, seq, filled] = [textField(each, 'id'), countField(each, 'seq'), countField(each, 'filled')];
        if (id === null || seq === null || filled === null)
          throw new Error('the engine answered an order without its fields');
        const here = book.filled(id);
        if (here === null) return { kind: 'differ', found: `${id} is an order of the engine and is not known here` };
        const then = here - (since.get(id) ?? 0);
        if (then !== filled)
          return {
            kind: 'differ',
            found: `${id}: ${filled} lots executed at the engine at entry ${through}, ${then} here`,
          };
        allEnded &&= each['state'] !== 'pending' && each['state'] !== 'open';
        if (allEnded) settled = seq;
        after = seq;
        orders += 1;
      }
      more = page['more'] === true && list.length > 0;
    }
    this.#settled = settled;
    return { kind: 'agree', orders, through };
  }
}

const until = async (holds: () => boolean, deadline: number): Promise<void> => {
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('the released entries did not come in time');
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
};

const pageSize = 500;
const lookEveryMs = 5;
