import { AssertionError } from 'node:assert';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { seededRandom } from '../../trading/replication/seeded-random.ts';
import { FIX_VENUE } from '../../trading/testing/agreement.ts';
import type { TradingProcess } from '../../trading/testing/child-process.ts';
import { AwakeClock, type Stop } from './awake-clock.ts';
import { BooksCheck } from './books-check.ts';
import { EngineFirm } from './engine-firm.ts';
import type { KillReport } from './kill-report.ts';
import { LoadProcess } from './load-process.ts';

/** What is killed in a round, and how often of a hundred. */
const KINDS = [
  { kind: 'primary', share: 26 },
  { kind: 'primary-with-orders-in-doubt', share: 14 },
  { kind: 'primary-ahead-of-its-replicas', share: 10 },
  { kind: 'everybody', share: 6 },
  { kind: 'replica', share: 6 },
  { kind: 'replica-then-primary', share: 8 },
  { kind: 'during-promotion', share: 14 },
  { kind: 'during-checkpoint', share: 8 },
  { kind: 'exchange-and-primary', share: 8 },
] as const;
export type KillKind =
  | (typeof KINDS)[number]['kind']
  | 'primary-then-all-stand-still'
  | 'exchange-that-had-not-read-and-primary'
  | 'exchange-before-it-says-so-and-primary';

export interface KillRunOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Only for proving that the checks can fail: primaries acknowledge without their replicas. */
  readonly alone?: boolean;
  /** Engines trade over FIX; else over the binary protocol. */
  readonly overFix?: boolean;
  /** Only rounds of this kind. */
  readonly only?: KillKind;
  readonly onRound?: (text: string) => void;
}

const ORDERS_PER_SECOND = 500;
const REPLACE_PERCENT = 20;
const STAND_STILL_S = 4;
/** For an exchange to come to the moment at which it is to end. */
const UNSAID_WITHIN_MS = 10_000;
/** Comparisons that this process was stopped in are made again, so often. */
const CHECKS_MOST = 3;
/** Of these the exchange refuses the last. */
const SYMBOLS = ['ALPHA', 'BETA', 'GAMMA', 'DELTA', 'NOWHERE'];

/** Kills with SIGKILL, at moments that depend on the seed, and checks all books after each. Throws, naming seed and round, when they disagree. */
export const runKills = async (options: KillRunOptions): Promise<KillReport> => {
  const run = await KillRun.open(options);
  try {
    for (let round = 1; round <= options.rounds; round++) await run.round(round);
    return await run.report();
  } finally {
    await run.close();
  }
};

class KillRun {
  readonly #options: KillRunOptions;
  readonly #random: () => number;
  readonly #firm: EngineFirm;
  readonly #load: LoadProcess;
  readonly #check: BooksCheck;
  readonly #clock: AwakeClock;
  readonly #startedAtMs = performance.now();
  readonly #kinds = new Map<KillKind, number>();
  readonly #takeOverMs: number[] = [];
  #kills = 0;
  #checksRepeated = 0;

  private constructor(options: KillRunOptions, parts: { firm: EngineFirm; load: LoadProcess; clock: AwakeClock }) {
    const { firm, load, clock } = parts;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#firm = firm;
    this.#load = load;
    this.#clock = clock;
    this.#check = new BooksCheck(firm, load, clock);
  }

  static async open(options: KillRunOptions): Promise<KillRun> {
    const clock = new AwakeClock();
    const firm = await EngineFirm.open({
      venue: {
        symbols: SYMBOLS.slice(0, -1),
        selfTrade: 'allow',
        fillShare: 0.2,
        seed: options.seed,
        ...(options.overFix === true ? FIX_VENUE : {}),
      },
      engine: { limits: { maxNotional: 480_000 }, checkpoints: { everyEntries: 2500 } },
      alone: options.alone ?? false,
      clock,
    }).catch((error: unknown) => {
      clock.close();
      throw error;
    });
    try {
      const load = await LoadProcess.start(firm.world, {
        engines: firm.orderPorts,
        clients: ['c1', 'c2', 'c3'],
        symbols: SYMBOLS,
        ordersPerSecond: ORDERS_PER_SECOND,
        replacePercent: REPLACE_PERCENT,
        seed: options.seed,
        clock,
      });
      return new KillRun(options, { firm, load, clock });
    } catch (error) {
      clock.close();
      await firm.close();
      throw error;
    }
  }

  async round(round: number): Promise<void> {
    const kind = this.#draw();
    const startedAtMs = performance.now();
    const stopsBefore = this.#clock.stops.length;
    try {
      await this.#underLoad();
      await this.#perform(kind);
      await this.#firm.rejoin();
      await this.#load.pause();
      await this.#compare();
    } catch (cause) {
      const { seed } = this.#options;
      this.#clock.look();
      const stops = this.#clock.stops.slice(stopsBefore);
      const where = `seed ${seed}, round ${round} (${kind}), epoch ${this.#firm.epoch}`;
      throw new Error(`${where}: ${(cause as Error).message}\n${stopsText(stops)}\n${await this.#state()}`, { cause });
    }
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    const tookMs = Math.round(performance.now() - startedAtMs);
    this.#options.onRound?.(`${round} ${kind}: ${this.#check.compared} orders compared, ${tookMs} ms`);
  }

  async report(): Promise<KillReport> {
    const { torn, diverged, fromCheckpoint, asksRepeated } = this.#firm;
    const sorted = this.#takeOverMs.toSorted((left, right) => left - right);
    return {
      seed: this.#options.seed,
      rounds: this.#options.rounds,
      kills: this.#kills,
      kinds: Object.fromEntries(this.#kinds),
      requests: this.#check.requests,
      replacedTold: this.#check.replacedTold,
      reports: Object.fromEntries(this.#check.reports),
      duplicatesRefused: this.#check.duplicates,
      staleWritesAccepted: this.#check.counters?.staleWritesAccepted ?? 0,
      tornTailsCut: torn,
      divergedTails: diverged,
      startsFromCheckpoint: fromCheckpoint,
      takeOverMs: {
        median: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
        most: Math.round(sorted.at(-1) ?? 0),
      },
      elapsedMs: Math.round(performance.now() - this.#startedAtMs),
      stops: stopsByCause(this.#clock.stops),
      asksRepeated,
      checksRepeated: this.#checksRepeated,
    };
  }

  /** What sources did not answer in time while this process was stopped is asked again; what does not agree is not. */
  async #compare(): Promise<void> {
    for (let times = 1; ; times++) {
      const stopsBefore = this.#clock.stops.length;
      try {
        return await this.#check.run();
      } catch (error) {
        this.#clock.look();
        if (error instanceof AssertionError || this.#clock.stops.length === stopsBefore || times === CHECKS_MOST)
          throw error;
        this.#checksRepeated += 1;
      }
    }
  }

  /** For whoever has to find out what went wrong. */
  async #state(): Promise<string> {
    const statuses = this.#firm.alive.map(async (name) => {
      const outcome = await this.#firm.engine(name).call('status', {}, 2000);
      return `${name}: ${JSON.stringify(outcome)}`;
    });
    const counts = this.#load.counts().then((each) => `order flow: ${JSON.stringify(each)}`);
    const told = await Promise.allSettled([...statuses, counts]);
    return told.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason))).join('\n');
  }

  /** Ends every process, and waits until what they had started has ended, too. */
  async close(): Promise<void> {
    const { directory } = this.#firm.world;
    try {
      await this.#firm.close();
      await this.#clock.until('nothing is left running', () => processesNaming(directory).length === 0);
    } finally {
      this.#clock.close();
    }
  }

  #draw(): KillKind {
    if (this.#options.only !== undefined) return this.#options.only;
    let left = this.#random() * 100;
    for (const { kind, share } of KINDS) {
      left -= share;
      if (left < 0) return kind;
    }
    return 'primary';
  }

  /** Orders flow, and the next moment is a random one. */
  async #underLoad(): Promise<void> {
    const before = (await this.#load.counts()).acked;
    await this.#load.resume();
    const more = 10 + Math.floor(this.#random() * ORDERS_PER_SECOND * 0.6);
    await this.#clock.until(
      `${more} more are acknowledged`,
      async () => (await this.#load.counts()).acked >= before + more,
    );
    await this.#moment(20);
  }

  /** Not for anything to happen: so that what follows does so at any point of what is going on. */
  async #moment(mostMs: number): Promise<void> {
    await after(this.#random() * mostMs);
  }

  async #perform(kind: KillKind): Promise<void> {
    const firm = this.#firm;
    switch (kind) {
      case 'primary':
        await this.#kill(firm.primary);
        return this.#takeOver(() => firm.takeOver(this.#any(firm.standbys)));
      case 'primary-with-orders-in-doubt':
        return this.#killWhileFrozen([firm.world.venue]);
      case 'primary-ahead-of-its-replicas':
        return this.#killWhileFrozen(firm.standbys.map((name) => firm.engine(name).process));
      case 'everybody':
        return this.#killEverybody();
      case 'replica':
        return this.#loseReplica();
      case 'replica-then-primary':
        await this.#kill(this.#any(firm.standbys));
        await this.#moment(60);
        await this.#kill(firm.primary);
        return this.#takeOver(() => firm.takeOver(firm.standbys[0]!));
      case 'during-promotion':
        return this.#killThePromoted();
      case 'during-checkpoint':
        return this.#killTheCheckpointTaker();
      case 'primary-then-all-stand-still':
        await this.#kill(firm.primary);
        return this.#takeOver(async () => {
          const still = this.#standStill();
          await firm.takeOver(this.#any(firm.standbys));
          await still;
        });
      case 'exchange-that-had-not-read-and-primary':
        return this.#killBothUnread();
      case 'exchange-before-it-says-so-and-primary':
        return this.#killBothUnsaid();
      case 'exchange-and-primary':
        this.#kills += 1;
        await Promise.all([firm.world.restartVenue(), this.#kill(firm.primary)]);
        return this.#takeOver(() => firm.takeOver(this.#any(firm.standbys)));
    }
  }

  /** As a machine that pauses, for longer than a lease: everything, this process included. */
  #standStill(): Promise<void> {
    const numbers = [process.pid, ...processesNaming(this.#firm.world.directory)].map(String);
    const script = `sleep ${(this.#random() * 0.05).toFixed(3)}; kill -STOP "$@"; sleep ${STAND_STILL_S}; kill -CONT "$@"`;
    const helper = spawn('/bin/sh', ['-c', script, 'sh', ...numbers], { stdio: 'ignore' });
    return new Promise((resolve) => helper.once('exit', () => resolve()));
  }

  /** What the primary did meanwhile lies in their sockets: they read it when it is dead, or never. */
  async #killWhileFrozen(frozen: readonly TradingProcess[]): Promise<void> {
    const firm = this.#firm;
    for (const each of frozen) each.signal('SIGSTOP');
    await this.#moment(80);
    await this.#kill(firm.primary);
    await this.#moment(20);
    for (const each of frozen) each.signal('SIGCONT');
    await this.#takeOver(() => firm.takeOver(this.#any(firm.standbys)));
  }

  /**
   * What the primary sent meanwhile is gone with the exchange that had not read it. Over FIX the exchange asks the successor's session for
   * it; the take-over waits for what comes of that.
   */
  async #killBothUnread(): Promise<void> {
    const firm = this.#firm;
    firm.world.venue.signal('SIGSTOP');
    const before = (await this.#load.counts()).acked;
    await this.#clock.until(
      'orders are on their way to it',
      async () => (await this.#load.counts()).acked > before + 20,
    );
    this.#kills += 1;
    await Promise.all([firm.world.restartVenue(), this.#kill(firm.primary)]);
    await this.#takeOver(() => firm.takeOver(this.#any(firm.standbys)));
  }

  /**
   * The exchange dies when its books have an order and nobody was told, nor does its session know that it came; the primary dies with it.
   * What the successor is asked for, over FIX, is known there. Where that moment does not come in time, the exchange is killed at another.
   */
  async #killBothUnsaid(): Promise<void> {
    const firm = this.#firm;
    await firm.world.restartVenue('--end-before-store', `${20 + Math.floor(this.#random() * 60)}`);
    const { venue } = firm.world;
    await Promise.race([venue.exited, after(UNSAID_WITHIN_MS)]);
    this.#kills += 2;
    await Promise.all([firm.world.restartVenue(), this.#kill(firm.primary)]);
    await this.#takeOver(() => firm.takeOver(this.#any(firm.standbys)));
  }

  /** The primary is left alone for a moment, and who succeeds it knows only what is on its own disk. */
  async #killEverybody(): Promise<void> {
    const firm = this.#firm;
    const old = firm.primary;
    const successors = firm.standbys;
    await Promise.all(successors.map((name) => this.#kill(name)));
    await this.#moment(80);
    await this.#kill(old);
    await Promise.all(successors.map((name) => firm.start(name)));
    await this.#takeOver(() => firm.takeOver(this.#any(successors)));
  }

  async #loseReplica(): Promise<void> {
    const firm = this.#firm;
    await this.#kill(this.#any(firm.standbys));
    await this.#moment(100);
    await firm.setAckSet(firm.standbys);
  }

  async #killThePromoted(): Promise<void> {
    const firm = this.#firm;
    await this.#kill(firm.primary);
    const [first, second] = this.#random() < 0.5 ? firm.standbys : firm.standbys.toReversed();
    await firm.fence();
    const promotion = firm.promote(first!).catch(() => {});
    await this.#moment(40);
    await this.#kill(first!);
    await promotion;
    await this.#takeOver(() => firm.takeOver(second!));
  }

  async #killTheCheckpointTaker(): Promise<void> {
    const firm = this.#firm;
    let taking = firm.standbys.find((name) => firm.takesCheckpoint(name));
    await this.#clock.until('a standby takes a checkpoint', () => {
      taking = firm.standbys.find((name) => firm.takesCheckpoint(name));
      return taking !== undefined;
    });
    await this.#moment(250);
    await this.#kill(taking!);
    await firm.setAckSet(firm.standbys);
  }

  async #kill(name: Parameters<EngineFirm['kill']>[0]): Promise<void> {
    this.#kills += 1;
    await this.#firm.kill(name);
  }

  async #takeOver(act: () => Promise<void>): Promise<void> {
    const startedAtMs = performance.now();
    await act();
    this.#takeOverMs.push(performance.now() - startedAtMs);
  }

  #any<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!;
  }
}

/** Deadlines do not count the times in which this process had no turn: what passes them hangs, or is too slow. */
const stopsText = (stops: readonly Stop[]): string => {
  const told = stops.map(({ lastedMs, cause }) => `${lastedMs} ms (${cause})`).join(', ');
  return `in this round this process had no turn for ${told === '' ? 'no longer than usual' : told}; deadlines leave that out`;
};

const stopsByCause = (stops: readonly Stop[]): KillReport['stops'] => {
  const byCause: Record<string, { count: number; mostMs: number }> = {};
  for (const { cause, lastedMs } of stops) {
    const before = byCause[cause] ?? { count: 0, mostMs: 0 };
    byCause[cause] = { count: before.count + 1, mostMs: Math.max(before.mostMs, lastedMs) };
  }
  return byCause;
};

/** Numbers of the running processes that have this text on their command line. */
const processesNaming = (text: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
