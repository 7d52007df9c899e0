import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchOptions } from './bench-options.ts';
import { MOST_UNANSWERED, THROUGHPUT_ORDERS, withEngines } from './engines.ts';
import { type Goal, type Measurement, quantile, type Round, summarize } from './measurement.ts';
import { OrderLoad } from './order-load.ts';
import { PeerProcess } from './peer-process.ts';
import { Placement } from './placement.ts';
import { QuietVenue } from './quiet-venue.ts';

const PER_SECOND = 10_000;
const SECONDS = 2;
const WARM_UP_ORDERS = 300_000;
const atMost = (of: Goal['of'], bound: number): Goal => ({ of, is: 'at most', bound });
const atLeast = (bound: number): Goal => ({ of: 'ratio', is: 'at least', bound });

/** Median of syncing 128 bytes written into a file that was filled before, on the processor of what is measured. */
const fdatasyncUs = async (directory: string, placement: Placement): Promise<number> => {
  const disk = await PeerProcess.start('disk', directory);
  placement.server(disk.pid);
  try {
    return quantile(await disk.handlerNs(), 0.5) / 1000;
  } finally {
    disk.stop();
  }
};

/** What is measured on each server: latency at a fixed rate, and most orders a second. */
interface Seen {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
}

interface Load {
  readonly prefix: string;
  readonly seconds: number;
  /** Orders before anything is counted. */
  readonly warmUp: number;
}

const measure = async (
  port: number,
  client: string | null,
  { prefix, seconds, warmUp }: Load,
  beforeThroughput: () => void = () => {},
): Promise<Seen> => {
  const load = await OrderLoad.open({ port, prefix, ...(client === null ? {} : { client }) });
  try {
    await load.warmUp(warmUp);
    const { sortedUs } = await load.openLoop({ perSecond: PER_SECOND, seconds });
    beforeThroughput();
    const perSecond = await load.throughput({ window: MOST_UNANSWERED, seconds });
    return { p50Us: quantile(sortedUs, 0.5), p99Us: quantile(sortedUs, 0.99), perSecond };
  } finally {
    load.close();
  }
};

/** The same on a process that is measured from within as well, at the fixed rate. */
const measureWithin = async (server: PeerProcess, client: string | null, { prefix, seconds, warmUp }: Load) => {
  const load = await OrderLoad.open({ port: server.port, prefix, ...(client === null ? {} : { client }) });
  try {
    await load.warmUp(warmUp);
    await server.handlerNs();
    const { sortedUs } = await load.openLoop({ perSecond: PER_SECOND, seconds });
    const handlerNs = await server.handlerNs();
    const perSecond = await load.throughput({ window: MOST_UNANSWERED, seconds });
    return { p50Us: quantile(sortedUs, 0.5), p99Us: quantile(sortedUs, 0.99), perSecond, handlerNs };
  } finally {
    load.close();
  }
};

/** How long an echo takes that also hands what came to the operating system. */
const writing = async (directory: string, placement: Placement, load: Load): Promise<Float64Array> => {
  const place = mkdtempSync(join(directory, 'writing-'));
  const echo = await PeerProcess.start('writing-echo', place);
  placement.server(echo.pid);
  try {
    return (await measureWithin(echo, null, load)).handlerNs;
  } finally {
    echo.stop();
    rmSync(place, { recursive: true, force: true });
  }
};

/** Two processes that only hand bytes on, where engine and replica run. */
const measurePair = async (placement: Placement, load: Load): Promise<Seen> => {
  const echo = await PeerProcess.start('echo');
  placement.replica(echo.pid);
  const relay = await PeerProcess.start('relay', String(echo.port));
  placement.server(relay.pid);
  try {
    return await measure(relay.port, null, load, () => placement.replicaBesideSleepers(echo.pid));
  } finally {
    relay.stop();
    echo.stop();
  }
};

/** What a server reaches that looks at no order. */
const measureBlind = async (placement: Placement, { prefix, seconds }: Load): Promise<number> => {
  const blind = await PeerProcess.start('blind-echo');
  placement.server(blind.pid);
  const load = await OrderLoad.open({ port: blind.port, prefix });
  try {
    return await load.throughput({ window: MOST_UNANSWERED, seconds: seconds / 2 });
  } finally {
    load.close();
    blind.stop();
  }
};

const ENGINES = [
  { name: 'journal', sync: 'none', replica: false },
  { name: 'replica', sync: 'none', replica: true },
  { name: 'group-commit', sync: 'group', replica: false },
  { name: 'replica-fsync', sync: 'group', replica: true },
] as const;

/** Order → acknowledgement over the binary protocol, open loop, against a server that only echoes; and most orders a second. */
export const orderAckBench = async ({ directory, rounds, scale, say }: BenchOptions): Promise<Measurement[]> => {
  const seconds = Math.max(0.3, SECONDS * scale);
  const warmUp = Math.round(WARM_UP_ORDERS * scale);
  const seen: Record<string, Round[]> = {};
  const note = (name: string, value: number, floor: number) => {
    seen[name] = [...(seen[name] ?? []), { value, floor }];
  };
  const venue = await QuietVenue.open();
  const placement = Placement.take();
  say(`order-ack: ${placement.described}`);
  try {
    for (let round = 0; round < rounds; round++) {
      say(`order-ack: round ${round + 1} of ${rounds}`);
      const load = { prefix: `r${round}`, seconds, warmUp };
      const echoServer = await PeerProcess.start('echo');
      placement.server(echoServer.pid);
      const echo = await measureWithin(echoServer, null, load);
      echoServer.stop();
      note('throughput-blind-echo', await measureBlind(placement, load), echo.perSecond);
      const writer = await writing(directory, placement, load);
      for (const journal of [false, true]) {
        const place = join(directory, `bare-${round}`);
        if (journal) mkdirSync(place);
        const bareServer = await PeerProcess.start('bare-engine', ...(journal ? [place] : []));
        placement.server(bareServer.pid);
        const bare = await measureWithin(bareServer, 'c1', load);
        bareServer.stop();
        rmSync(place, { recursive: true, force: true });
        note(`ack-${journal ? 'bare-journal' : 'no-journal'}-p50`, bare.p50Us, echo.p50Us);
        note(`throughput-${journal ? 'bare-journal' : 'no-journal'}`, bare.perSecond, echo.perSecond);
        const peer = journal ? writer : echo.handlerNs;
        for (const share of [0.99, 0.999])
          note(
            `in-process-${journal ? 'journal' : 'no-journal'}-p${share * 100}`,
            quantile(bare.handlerNs, share) / 1000,
            quantile(peer, share) / 1000,
          );
      }
      const pair = await measurePair(placement, load);
      for (const { name, sync, replica } of ENGINES) {
        const options = { venue, placement, sync, replica, reserveOrders: THROUGHPUT_ORDERS };
        const engine = await withEngines(options, ({ primary, replica: standby }) =>
          measure(primary.process.port('orders'), 'c1', load, () => {
            if (standby !== null) placement.replicaBesideSleepers(standby.process.pid);
          }),
        );
        const floorUs = sync === 'group' ? echo.p50Us + 1.5 * (await fdatasyncUs(directory, placement)) : echo.p50Us;
        note(`ack-${name}-p50`, engine.p50Us, floorUs);
        note(`ack-${name}-p99`, engine.p99Us, echo.p99Us);
        note(`throughput-${name}`, engine.perSecond, echo.perSecond);
        if (!replica) continue;
        if (sync === 'none') note(`ack-${name}-p50-of-pair`, engine.p50Us, pair.p50Us);
        note(`throughput-${name}-of-pair`, engine.perSecond, pair.perSecond);
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
    'in-process-no-journal-p99': atMost('value', 100),
    'in-process-no-journal-p99.9': atMost('ratio', 2),
    'in-process-journal-p99': atMost('value', 100),
    'in-process-journal-p99.9': atMost('ratio', 2),
    'throughput-no-journal': atLeast(0.4),
    'throughput-replica': atLeast(0.2),
    'throughput-replica-fsync': atLeast(0.1),
  };
  return Object.entries(seen).map(([name, list]) =>
    summarize({ name, unit: name.startsWith('throughput') ? '/s' : 'µs', goal: goals[name] ?? null, rounds: list }),
  );
};
