import { BytesTable } from './bytes-table.ts';

/** So many exchanges fit into a journal. */
export const MOST_VENUES = 255;

/** The exchanges of a journal by their numbers, and the last report of each that is in it. */
export class VenueNumbers {
  readonly names: BytesTable;
  readonly #reports = new Float64Array(MOST_VENUES + 1);
  #total = 0;

  constructor(parts: { readonly names: BytesTable; readonly reports: readonly number[] } | null = null) {
    this.names = parts?.names ?? new BytesTable();
    for (const [venue, report] of (parts?.reports ?? []).entries()) this.note(venue, report);
  }

  /** How many numbers are given. */
  get count(): number {
    return this.names.count;
  }

  /** Numbers of the last reports of all exchanges, added up: changes with every report. */
  get total(): number {
    return this.#total;
  }

  /** −1 when no exchange of this name has one. */
  numberOf(name: string): number {
    const bytes = Buffer.from(name);
    return this.names.find(bytes, 0, bytes.length);
  }

  /** The name behind a number; empty when there is none. */
  nameOf(venue: number): string {
    return venue < this.count ? this.names.text(venue) : '';
  }

  /** False when this is not the next number, or the name has one. */
  give(venue: number, bytes: Uint8Array, offset: number, length: number): boolean {
    if (venue !== this.count || this.names.find(bytes, offset, length) !== -1) return false;
    this.names.put(bytes, offset, length);
    return true;
  }

  /** Number of the last report of this exchange. */
  lastReport(venue: number): number {
    return this.#reports[venue]!;
  }

  note(venue: number, report: number): void {
    this.#total += report - this.#reports[venue]!;
    this.#reports[venue] = report;
  }
}
