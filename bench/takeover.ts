import type { JsonRecord } from '../trading/base/json-record.ts';
import { asRecord } from '../trading/base/json-record.ts';
import type { EngineUnderTest } from '../trading/testing/trading-world.ts';
import type { BenchOptions } from './bench-options.ts';
import { type Engines, withEngines } from './engines.ts';
import { type Measurement, type Round, summarize } from './measurement.ts';
import { OrderLoad } from './order-load.ts';
import { Placement } from './placement.ts';
import { StandbyEnvironment } from './standby-environment.ts';

const SILENCE_MS = 100;
const LEASE_MS = 60_000;
const NOTICED_WITHIN_MS = 30_000;
const ORDERS = 20_000;
const REHEARSED_WITHIN_MS = 15_000;

/**
 * The engine pair alone: from the primary's end to the first acknowledgement of its standby. Who promotes is this process, at the
 * standby's first word that its primary is gone or silent; it waits for no lease and asks nobody. The exchange is the
 * stack's own: what is in doubt is settled with it first.
 */
export const takeoverBench = async ({ directory, rounds, scale, say }: BenchOptions): Promise<Measurement[]> => {
  const placement = Placement.take();
  const environment = new StandbyEnvironment(directory);
  const seen: Record<'crash' | 'silence', Round[]> = { crash: [], silence: [] };
  try {
    say('takeover: rehearsal');
    await environment.rehearse();
    for (let round = 0; round < rounds; round++)
      for (const kind of ['crash', 'silence'] as const) {
        say(`takeover: ${kind}, round ${round + 1} of ${rounds}`);
        const options = { venue: null, placement, sync: 'none', replica: true, upstreamSilentMs: SILENCE_MS } as const;
        const tookMs = await withEngines(options, (engines) =>
          takeOver(engines, { kind, orders: Math.max(1000, ORDERS * scale), placement, say }),
        );
        seen[kind].push({ value: tookMs, floor: kind === 'silence' ? SILENCE_MS : null });
      }
  } finally {
    placement.release();
    environment.restore();
  }
  const of = (name: string, list: readonly Round[], bound: number, note: string): Measurement =>
    summarize({ name, unit: 'ms', goal: { of: 'value', is: 'at most', bound }, rounds: list, note });
  return [
    of('takeover-crash', seen.crash, 20, 'SIGKILL to the first acknowledgement of the other; no lease is waited for'),
    of(
      'takeover-silence',
      seen.silence,
      SILENCE_MS + 5,
      `SIGSTOP to the same; the standby's threshold is ${SILENCE_MS} ms`,
    ),
  ];
};

const takeOver = async (
  { world, primary, replica }: Engines,
  {
    kind,
    orders,
    placement,
    say,
  }: {
    readonly kind: 'crash' | 'silence';
    readonly orders: number;
    readonly placement: Placement;
    readonly say: BenchOptions['say'];
  },
): Promise<number> => {
  if (replica === null) throw new Error('a take-over needs a replica');
  if (!(await hasRehearsed(replica))) say('  the standby has not rehearsed its take-over');
  const before = await OrderLoad.open({ port: primary.process.port('orders'), prefix: 'before', client: 'c1' });
  await before.openLoop({ perSecond: 10_000, seconds: orders / 10_000 });
  placement.outsideIsCompiled([world.venue.pid]);
  // The fault is in the middle of traffic: what the standby hears stops with it.
  await before.openLoop({ perSecond: 10_000, seconds: 0.1 });
  let atMs = Number.POSITIVE_INFINITY;
  let tell = () => {};
  let giveUp = (_error: Error) => {};
  const gone = new Promise<void>((resolve, reject) => {
    tell = resolve;
    giveUp = reject;
  });
  const onEvent = (event: JsonRecord) => {
    if (performance.now() >= atMs && isGone(event, kind)) tell();
  };
  const watch = await world.control(replica.process.port('control'), 'b', onEvent);
  const deadline = setTimeout(() => giveUp(new Error(`the standby noticed no ${kind}`)), NOTICED_WITHIN_MS);
  try {
    atMs = performance.now();
    primary.process.signal(kind === 'crash' ? 'SIGKILL' : 'SIGSTOP');
    await gone;
    const goneAfterMs = performance.now() - atMs;
    // The client comes back as soon as the standby is told to take over: it waits there until it has.
    let promotedAfterMs = 0;
    const promote = async () => {
      await replica.promote(2, [], LEASE_MS);
      promotedAfterMs = performance.now() - atMs;
    };
    const promotion = promote();
    const back = OrderLoad.open({ port: replica.process.port('orders'), prefix: 'after', client: 'c1' });
    const [after] = await Promise.all([back, promotion]);
    await after.first();
    const tookMs = performance.now() - atMs;
    after.close();
    say(
      `  noticed after ${ms(goneAfterMs)}, promoted after ${ms(promotedAfterMs)}, acknowledged after ${ms(tookMs)} ms`,
    );
    return tookMs;
  } finally {
    clearTimeout(deadline);
    before.close();
    watch.close();
  }
};

/** A standby rehearses a second after it first follows: a fault in the middle of that is not what a pair that has stood for hours meets. */
const hasRehearsed = async (standby: EngineUnderTest): Promise<boolean> => {
  const untilMs = performance.now() + REHEARSED_WITHIN_MS;
  while (performance.now() < untilMs) {
    if ((await standby.status()).business['rehearsed'] === 1) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
};

const ms = (value: number): string => value.toFixed(1);

/** Whether a status says that the primary's connection is closed, or that nothing was heard for as long as the threshold. */
const isGone = (event: JsonRecord, kind: 'crash' | 'silence'): boolean => {
  const upstream = asRecord(asRecord(event['status'])?.['upstream'] ?? event['upstream']);
  if (upstream === null) return false;
  return kind === 'crash' ? upstream['connected'] === false : Number(upstream['silentMs']) >= SILENCE_MS;
};
