import { createHash } from 'node:crypto';
import type { CanaryRow } from './ledger-record.ts';

export const digestOf = (row: CanaryRow): string =>
  createHash('sha256').update(`${row.id}\n${row.client}\n${row.payload}\n${row.previous}`).digest('hex');

/** Rows that each carry the digest of the one before, in the order of their ids. */
export class CanaryChain {
  readonly #run: string;
  readonly #client: string;
  #next = 1;
  #previous = '';

  constructor(options: { readonly run: string; readonly client: string }) {
    this.#run = options.run;
    this.#client = options.client;
  }

  next(): CanaryRow {
    const number = String(this.#next).padStart(9, '0');
    this.#next += 1;
    const id = `${this.#client}-${this.#run}-${number}`;
    const row = { id, client: this.#client, payload: `commit ${number} of run ${this.#run}`, previous: this.#previous };
    this.#previous = digestOf(row);
    return row;
  }
}
