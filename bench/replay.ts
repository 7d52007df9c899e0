import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { OrderState } from '../trading/engine/order-state.ts';
import { applyBlock } from '../trading/engine/replayed-state.ts';
import { Journal, type JournalOptions } from '../trading/journal/journal.ts';
import { type BenchOptions, elapsedMs } from './bench-options.ts';
import { type Measurement, type Round, summarize } from './measurement.ts';
import { encodedWorkload, RECORDS_PER_ORDER, writeWorkload } from './workload.ts';

const RECORDS_PER_BLOCK = 64;

const journalOptions = (directory: string): JournalOptions => ({
  directory,
  sync: 'none',
  onDurable: () => {},
  onFailure: (error) => {
    throw error;
  },
});

/** Applies records that lie in memory: what replay would be if reading, checking and indexing cost nothing. */
export const applyAll = (pieces: readonly Buffer[]): OrderState => {
  const state = new OrderState();
  let sequence = 1;
  for (const bytes of pieces) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let offset = 0; offset < bytes.length; offset += view.getUint16(offset, true))
      state.apply(sequence++, 1, bytes, view, offset);
  }
  return state;
};

/** A journal read back from its files (in the page cache) into the state, against applying the same records from memory. */
export const replayBench = async ({ directory, rounds, scale }: BenchOptions): Promise<Measurement[]> => {
  const results: Measurement[] = [];
  for (const { name, millions, goalMs } of [
    { name: 'replay-1m', millions: 1, goalMs: null },
    { name: 'replay-10m', millions: 10, goalMs: 3000 },
  ]) {
    const orders = Math.round((millions * 1_000_000 * scale) / RECORDS_PER_ORDER);
    const place = join(directory, name);
    rmSync(place, { recursive: true, force: true });
    const writer = await Journal.open(journalOptions(place), () => {});
    writeWorkload(writer, orders, RECORDS_PER_BLOCK);
    writer.close();
    const pieces = encodedWorkload(orders);
    const measured: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      const applied = elapsedMs(() => applyAll(pieces));
      const state = new OrderState();
      const startedAt = process.hrtime.bigint();
      const journal = await Journal.open(journalOptions(place), (block) => applyBlock(state, block));
      const replayedMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
      journal.close();
      if (state.hash !== applied.result.hash) throw new Error(`${name}: the two states are not equal`);
      measured.push({ value: replayedMs, floor: applied.ms });
    }
    rmSync(place, { recursive: true, force: true });
    const note =
      `${orders * RECORDS_PER_ORDER} records, ${Math.round((median(measured) * 1e6) / (orders * RECORDS_PER_ORDER))} ns each; ` +
      'floor = the same records applied from memory';
    results.push(
      summarize({
        name: `${name}-vs-apply`,
        unit: 'ms',
        goal: { of: 'ratio', is: 'at most', bound: 2 },
        rounds: measured,
        note,
      }),
    );
    if (goalMs !== null)
      results.push(
        summarize({
          name: `${name}-time`,
          unit: 'ms',
          goal: { of: 'value', is: 'at most', bound: goalMs * scale },
          rounds: measured.map(({ value }) => ({ value, floor: null })),
        }),
      );
  }
  return results;
};

const median = (rounds: readonly Round[]): number =>
  rounds.map(({ value }) => value).toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)]!;
