import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchOptions } from './bench-options.ts';
import { MOST_UNANSWERED, withEngines } from './engines.ts';
import { type Goal, type Measurement, median, quantile, type Round, summarize } from './measurement.ts';
import { OrderLoad } from './order-load.ts';
import { PeerProcess } from './peer-process.ts';
import { Placement } from './placement.ts';
import { QuietVenue } from './quiet-venue.ts';

const PER_SECOND = 10_000;
const SECONDS = 3;
const atMost = (of: Goal['of'], bound: number): Goal => ({ of, is: 'at most', bound });
const atLeast = (bound: number): Goal => ({ of: 'ratio', is: 'at least', bound });

/** Median of syncing 128 bytes written into a file that was filled before. */
const fdatasyncUs = (directory: string): number => {
  const path = join(directory, 'sync-floor');
  const file = openSync(path, 'w+');
  const [zeros, bytes] = [Buffer.alloc(1024 * 1024), Buffer.alloc(128, 1)];
  writeSync(file, zeros, 0, zeros.length, 0);
  fdatasyncSync(file);
  const times: number[] = [];
  for (let at = 0; at < 200; at++) {
    const startedAt = performance.now();
    writeSync(file, bytes, 0, bytes.length, at * 128);
    fdatasyncSync(file);
    times.push((performance.now() - startedAt) * 1000);
  }
  closeSync(file);
  rmSync(path);
  return median(times);
};

/** What is measured on each server: latency at a fixed rate, and most orders a second. */
interface Seen {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
}

const measure = async (port: number, prefix: string, client: string | undefined, seconds: number): Promise<Seen> => {
  const load = await OrderLoad.open({ port, prefix, ...(client === undefined ? {} : { client }) });
  try {
    const { sortedUs } = await load.openLoop({ perSecond: PER_SECOND, seconds });
    const perSecond = await load.throughput({ window: MOST_UNANSWERED, seconds });
    return { p50Us: quantile(sortedUs, 0.5), p99Us: quantile(sortedUs, 0.99), perSecond };
  } finally {
    load.close();
  }
};

/** Order → acknowledgement over the binary protocol, open loop, against a server that only echoes; and most orders a second. */
export const orderAckBench = async ({ directory, rounds, scale, say }: BenchOptions): Promise<Measurement[]> => {
  const seconds = Math.max(0.3, SECONDS * scale);
  const seen: Record<string, Round[]> = {};
  const note = (name: string, round: Round) => {
    seen[name] = [...(seen[name] ?? []), round];
  };
  const venue = await QuietVenue.open();
  const placement = Placement.take();
  say(`order-ack: ${placement.described}`);
  try {
    for (let round = 0; round < rounds; round++) {
      say(`order-ack: round ${round + 1} of ${rounds}`);
      const prefix = `r${round}`;
      const echoServer = await PeerProcess.start('echo');
      placement.server(echoServer.pid);
      const echo = await measure(echoServer.port, prefix, undefined, seconds);
      const echoNs = await echoServer.handlerNs();
      echoServer.stop();
      for (const journal of [false, true]) {
        const place = join(directory, `bare-${round}`);
        if (journal) mkdirSync(place);
        const bareServer = await PeerProcess.start('bare-engine', ...(journal ? [place] : []));
        placement.server(bareServer.pid);
        const load = await OrderLoad.open({ port: bareServer.port, prefix, client: 'c1' });
        const { sortedUs } = await load.openLoop({ perSecond: PER_SECOND, seconds });
        const handlerNs = await bareServer.handlerNs();
        const perSecond = await load.throughput({ window: MOST_UNANSWERED, seconds });
        load.close();
        bareServer.stop();
        rmSync(place, { recursive: true, force: true });
        const name = journal ? 'bare-journal' : 'no-journal';
        note(`ack-${name}-p50`, { value: quantile(sortedUs, 0.5), floor: echo.p50Us });
        if (!journal) note('throughput-no-journal', { value: perSecond, floor: echo.perSecond });
        if (!journal) continue;
        note('in-process-p99', { value: quantile(handlerNs, 0.99) / 1000, floor: quantile(echoNs, 0.99) / 1000 });
        note('in-process-p99.9', { value: quantile(handlerNs, 0.999) / 1000, floor: quantile(echoNs, 0.999) / 1000 });
      }
      const client = 'c1';
      for (const { name, sync, replica } of [
        { name: 'journal', sync: 'none', replica: false },
        { name: 'replica', sync: 'none', replica: true },
        { name: 'group-commit', sync: 'group', replica: false },
        { name: 'replica-fsync', sync: 'group', replica: true },
      ] as const) {
        const engine = await withEngines({ venue, placement, sync, replica }, ({ primary }) =>
          measure(primary.process.port('orders'), prefix, client, seconds),
        );
        const floorUs = sync === 'group' ? echo.p50Us + 1.5 * fdatasyncUs(directory) : echo.p50Us;
        note(`ack-${name}-p50`, { value: engine.p50Us, floor: floorUs });
        note(`ack-${name}-p99`, { value: engine.p99Us, floor: echo.p99Us });
        note(`throughput-${name}`, { value: engine.perSecond, floor: echo.perSecond });
      }
    }
  } finally {
    placement.release();
    venue.close();
  }
  const goals: Readonly<Record<string, Goal>> = {
    'ack-no-journal-p50': atMost('ratio', 1.25),
    'ack-bare-journal-p50': atMost('ratio', 1.6),
    'ack-journal-p50': atMost('ratio', 1.6),
    'ack-replica-p50': atMost('ratio', 3),
    'ack-group-commit-p50': atMost('ratio', 1.8),
    'in-process-p99': atMost('value', 100),
    'in-process-p99.9': atMost('ratio', 2),
    'throughput-no-journal': atLeast(0.4),
    'throughput-replica': atLeast(0.2),
    'throughput-replica-fsync': atLeast(0.1),
  };
  return Object.entries(seen).map(([name, list]) =>
    summarize({ name, unit: name.startsWith('throughput') ? '/s' : 'µs', goal: goals[name] ?? null, rounds: list }),
  );
};
