import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { seededRandom } from '../../trading/replication/seeded-random.ts';
import type { TradingProcess } from '../../trading/testing/child-process.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { BooksCheck } from './books-check.ts';
import { EngineFirm } from './engine-firm.ts';
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
export type KillKind = (typeof KINDS)[number]['kind'];

export interface KillRunOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Only for proving that the checks can fail: primaries acknowledge without their replicas. */
  readonly alone?: boolean;
  /** Only rounds of this kind. */
  readonly only?: KillKind;
  readonly onRound?: (text: string) => void;
}

export interface KillReport {
  readonly seed: number;
  readonly rounds: number;
  readonly kills: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly ordersSent: number;
  readonly acknowledged: number;
  readonly rejectedToClients: number;
  readonly unknown: number;
  readonly fills: number;
  readonly cancels: number;
  readonly rejectedByExchange: number;
  /** Resent by a successor and refused by the exchange as known. */
  readonly duplicatesRefused: number;
  readonly staleWritesAccepted: number;
  readonly tornTailsCut: number;
  readonly divergedTails: number;
  readonly startsFromCheckpoint: number;
  readonly takeOverMs: { readonly median: number; readonly most: number };
  readonly elapsedMs: number;
}

const ORDERS_PER_SECOND = 500;
const AWAKE_EVERY_MS = 500;
const STOPPED_MS = 8000;
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
  readonly #startedAtMs = performance.now();
  readonly #kinds = new Map<KillKind, number>();
  readonly #takeOverMs: number[] = [];
  #kills = 0;
  /** When this process last had its turn, and the longest that it had none in this round. */
  #awakeAtMs = performance.now();
  #stoppedMs = 0;
  readonly #watch = setInterval(() => this.#awake(), AWAKE_EVERY_MS);

  private constructor(options: KillRunOptions, firm: EngineFirm, load: LoadProcess) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#firm = firm;
    this.#load = load;
    this.#check = new BooksCheck(firm, load);
  }

  static async open(options: KillRunOptions): Promise<KillRun> {
    const firm = await EngineFirm.open({
      venue: { symbols: SYMBOLS.slice(0, -1), selfTrade: 'allow', fillShare: 0.2, seed: options.seed },
      engine: { limits: { maxNotional: 480_000 }, checkpoints: { everyEntries: 2500 } },
      alone: options.alone ?? false,
    });
    try {
      const load = await LoadProcess.start(firm.world, {
        engines: firm.orderPorts,
        clients: ['c1', 'c2', 'c3'],
        symbols: SYMBOLS,
        ordersPerSecond: ORDERS_PER_SECOND,
        seed: options.seed,
      });
      return new KillRun(options, firm, load);
    } catch (error) {
      await firm.close();
      throw error;
    }
  }

  async round(round: number): Promise<void> {
    const kind = this.#draw();
    const startedAtMs = performance.now();
    this.#stoppedMs = 0;
    try {
      await this.#underLoad();
      await this.#perform(kind);
      await this.#firm.rejoin();
      await this.#load.pause();
      await this.#check.run();
    } catch (cause) {
      const { seed } = this.#options;
      this.#awake();
      const where = `seed ${seed}, round ${round} (${kind}), epoch ${this.#firm.epoch}`;
      throw new Error(`${where}: ${(cause as Error).message}\n${this.#asleep()}${await this.#state()}`, { cause });
    }
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    const tookMs = Math.round(performance.now() - startedAtMs);
    this.#options.onRound?.(`${round} ${kind}: ${this.#check.compared} orders compared, ${tookMs} ms`);
  }

  async report(): Promise<KillReport> {
    const { sent, acked, rejected, unknown, fills, cancelled } = await this.#load.counts();
    const { torn, diverged, fromCheckpoint } = this.#firm;
    const sorted = this.#takeOverMs.toSorted((left, right) => left - right);
    return {
      seed: this.#options.seed,
      rounds: this.#options.rounds,
      kills: this.#kills,
      kinds: Object.fromEntries(this.#kinds),
      ordersSent: sent,
      acknowledged: acked,
      rejectedToClients: rejected,
      unknown,
      fills,
      cancels: cancelled,
      rejectedByExchange: this.#check.rejectedByExchange,
      duplicatesRefused: this.#check.counters?.duplicates ?? 0,
      staleWritesAccepted: this.#check.counters?.staleWritesAccepted ?? 0,
      tornTailsCut: torn,
      divergedTails: diverged,
      startsFromCheckpoint: fromCheckpoint,
      takeOverMs: {
        median: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
        most: Math.round(sorted.at(-1) ?? 0),
      },
      elapsedMs: Math.round(performance.now() - this.#startedAtMs),
    };
  }

  #awake(): void {
    const nowMs = performance.now();
    this.#stoppedMs = Math.max(this.#stoppedMs, nowMs - this.#awakeAtMs);
    this.#awakeAtMs = nowMs;
  }

  /** A deadline that passed while this process was itself stopped says nothing of what it waited for. */
  #asleep(): string {
    if (this.#stoppedMs < STOPPED_MS) return '';
    return `this process itself was stopped for ${Math.round(this.#stoppedMs / 1000)} s in this round: no finding\n`;
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
    clearInterval(this.#watch);
    const { directory } = this.#firm.world;
    await this.#firm.close();
    await waitUntil('nothing is left running', () => processesNaming(directory).length === 0);
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
    await waitUntil(`${more} more are acknowledged`, async () => (await this.#load.counts()).acked >= before + more);
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
      case 'exchange-and-primary':
        this.#kills += 1;
        await Promise.all([firm.world.restartVenue(), this.#kill(firm.primary)]);
        return this.#takeOver(() => firm.takeOver(this.#any(firm.standbys)));
    }
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
    await waitUntil('a standby takes a checkpoint', () => {
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
