import type { Epoch } from '../../core/base/ids.ts';
import type { LedHistory } from '../../core/health/instance-observation.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import type { LeadOptions, Routes, SeenServer, ServedLook, ServedServer } from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { ExpectedProcess, WatchedProcess } from '../process/watched-process.ts';
import type { DialAddress } from '../system/dial.ts';
import type { RedisDriver, RedisObservation } from './driver.ts';
import type { RedisReplication, SentinelReplica } from './parse.ts';
import { switchPrimary } from './planned-switch.ts';
import { PromotionStanding, type RedisPeer } from './promotion-standing.ts';
import type { SentinelAction, SentinelDriver, SentinelWord } from './sentinel-driver.ts';

export interface ServedRedisOptions {
  /** As the sentinels call it; the name of its one route. */
  readonly set: string;
  readonly own: RedisPeer;
  /** Whether the own server may ever be promoted. */
  readonly eligible: boolean;
  readonly others: readonly RedisPeer[];
  readonly sentinel: SentinelDriver;
  /** Another server of the set, whether an agent leads it or not. */
  readonly follower: (address: DialAddress) => RedisDriver;
  /** The process behind the own server, where it is one of this machine. */
  readonly watch: (expected: ExpectedProcess) => WatchedProcess | null;
}

/** As the kernel names it. */
const command = 'redis-server';
/** One that is to be closed and has not answered by then is killed, where that was asked for. */
const closeWithinMs = 1_000;
const lookAgainAfterMs = 10;
/** Then it is asked to open again, whether somebody follows it or not. */
const followedWithinMs = 500;
/** Of a planned switch: the replica may take this part of the time to have everything. */
const catchUpShare = 0.4;
/** Sentinels ask a replica that is well every 10 s, and one whose primary is down every second. */
const askAgainAfterMs = 100;
/** Of a planned switch: sentinels may take this part of the time to see that they may promote it. */
const seenShare = 0.4;
const wordsWithinMs = 600;
/** Automation that is held, instances that do not move by themselves, or no controller: then the record keeps naming this one. */
const recordFollowsWithinMs = 10_000;
const primaryWithinMs = 300;

/**
 * One Redis server as an agent leads it. Sentinel says who is primary; a server lets writers in only while it is the one that the route
 * names. Made primary, a server takes over without loss from a former primary that answers; from one that does not, what it lacks is
 * not known, and said so.
 */
export class ServedRedis implements ServedServer {
  readonly #options: ServedRedisOptions;
  #process: { readonly runId: string; readonly watched: WatchedProcess | null } | null = null;
  /** When it was last seen, or it was opened since. */
  #mayBeOpen = false;
  readonly #standing: PromotionStanding;
  #told: { readonly epoch: Epoch; readonly routes: Routes } | null = null;
  /** While it leads: how far it was when it was asked last. */
  #leading: { readonly history: string; readonly offset: number; readonly askedAtMs: number } | null = null;
  /** It led that, and has another history since. */
  #left: LedHistory | null = null;
  #leftAtMs = 0;
  #dispute: string | null = null;

  constructor(options: ServedRedisOptions) {
    this.#options = options;
    this.#standing = new PromotionStanding(options.own, options);
  }

  async look(options: CallOptions): Promise<ServedLook> {
    const askedAtMs = hostMonoMs();
    const seen = await this.#options.own.driver.observe(options);
    const { replication, openFor, reasons } = seen;
    if (replication === null || openFor === null) return { kind: 'unknown', reason: reasons[0] ?? 'it did not answer' };
    const { own, set, watch } = this.#options;
    if (seen.server !== null && seen.server.runId !== this.#process?.runId) {
      const { runId, pid, upMs } = seen.server;
      this.#process = { runId, watched: pid === null ? null : watch({ pid, command, upMs }) };
    }
    this.#mayBeOpen = openFor.length > 0;
    const opened = openFor.length === 1 && openFor[0] === seen.storedEpoch && replication.role === 'primary';
    this.#remember(replication, { opened, askedAtMs });
    const why = this.#told?.routes[set] === own.instance ? null : this.#standing.why;
    return {
      kind: 'seen',
      leads: { [set]: openFor.length === 0 ? null : opened ? own.instance : 'elsewhere' },
      concerns: [
        ...(this.#dispute === null ? [] : [this.#dispute]),
        ...(replication.upstream?.linkUp === false ? ['it does not reach its primary'] : []),
      ],
      remarks: [...reasons, ...(why === null ? [] : [`sentinels may not promote it: ${why}`])],
      figures: {
        offset: replication.offset,
        openEpoch: openFor[0] ?? 0,
        replicas: replication.replicas.length,
        ...(seen.priority === null ? {} : { priority: seen.priority }),
      },
      stream: {
        primary: replication.role === 'primary',
        history: replication.history,
        offset: replication.offset,
        before: replication.before,
        ...(this.#left === null ? {} : { left: this.#left }),
      },
    };
  }

  /** What it led is over as soon as it is seen with another history, whoever gave it that one. */
  #remember(
    { history, offset }: RedisReplication,
    { opened, askedAtMs }: { readonly opened: boolean; readonly askedAtMs: number },
  ): void {
    if (this.#leading !== null && this.#leading.history !== history) {
      const { askedAtMs: before, ...end } = this.#leading;
      this.#leftAtMs = hostMonoMs();
      this.#left = { ...end, endedWithinMs: Math.ceil(this.#leftAtMs - before) };
      this.#leading = null;
    }
    if (opened) this.#leading = { history, offset, askedAtMs };
  }

  /** Sentinels may promote it while it has what the one has that the record names. */
  async keep({ deadlineMs }: CallOptions): Promise<void> {
    const told = this.#told;
    const seat = this.#options.others.find(({ instance }) => instance === told?.routes[this.#options.set]);
    if (told === null || seat === undefined) return;
    const until = hostMonoMs() + deadlineMs;
    await this.#standing.keep(seat, { epoch: told.epoch, until, stillAsked: () => this.#told === told });
  }

  hasEnded(): boolean {
    return this.#process?.watched?.hasEnded() ?? false;
  }

  /** Closed wherever the route does not name it. */
  isLed({ leads, figures }: SeenServer, routes: Routes, epoch: Epoch): boolean {
    const { own, set } = this.#options;
    if (routes[set] !== own.instance) return leads[set] === null;
    return leads[set] === own.instance && figures['openEpoch'] === epoch;
  }

  async lead(epoch: Epoch, routes: Routes, { deadlineMs, silence }: LeadOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    const { own, set } = this.#options;
    const target = routes[set] ?? null;
    this.#told = { epoch, routes };
    this.#dispute = null;
    await this.#standing.settled();
    if (target !== own.instance) {
      // Whoever is named was counted against what this one had.
      if (target !== null) [this.#leading, this.#left] = [null, null];
      return this.#close(epoch, until, silence);
    }
    this.#mayBeOpen = true;
    const seen = await own.driver.observe({ deadlineMs });
    if (seen.replication === null) return { kind: 'unknown', reason: seen.reasons[0] ?? 'it did not answer' };
    if (seen.replication.role === 'replica') return this.#takeOver(epoch, seen, until);
    const dispute = await this.#disputed(until);
    if (dispute === null) return this.#open(epoch, until);
    this.#dispute = dispute.text;
    // Then it takes over from that one, as from any primary that answers.
    if (dispute.isNamed && seen.openFor?.length === 0)
      await own.driver.perform(
        { kind: 'follow', epoch, upstream: dispute.rival },
        { deadlineMs: until - hostMonoMs() },
      );
    return failed('two-primaries', dispute.text);
  }

  /**
   * Null: most sentinels name the own server, or nobody whom one of them names says that it is primary. Sentinels that learn of a
   * promotion later name the former primary for a while; one that leads is another thing.
   */
  async #disputed(until: number): Promise<Dispute | null> {
    const { own, others, sentinel } = this.#options;
    const within = (mostMs: number): CallOptions => ({ deadlineMs: Math.min(until - hostMonoMs(), mostMs) });
    const [words, ...seen] = await Promise.all([
      sentinel.words(within(wordsWithinMs)),
      ...others.map(async (other) => ({ other, ...(await other.driver.observe(within(primaryWithinMs))) })),
    ]);
    const namedBy = ({ address }: RedisPeer) =>
      words.filter(({ primary }) => primary !== null && isAt(primary, address)).length;
    const isMost = (count: number) => 2 * count > words.length;
    const rival = seen.find(({ other, replication }) => replication?.role === 'primary' && namedBy(other) > 0)?.other;
    if (rival === undefined || isMost(namedBy(own))) return null;
    const text = `${rival.instance} is primary as well: ${disputeText(words)}`;
    return { text, rival: rival.address, isNamed: isMost(namedBy(rival)) };
  }

  /** Until it may be otherwise that nobody is let in yet. */
  async #waited(opened: ActionOutcome, until: number): Promise<void> {
    const deadlineMs = Math.min(until - hostMonoMs(), followedWithinMs);
    if (opened.kind === 'failed' && opened.code === 'no-replicas')
      await this.#options.own.driver.untilFollowed({ deadlineMs });
    await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
  }

  async #close(epoch: Epoch, until: number, silence: boolean): Promise<ActionOutcome> {
    const { own } = this.#options;
    const gone: ActionOutcome = { kind: 'ok', detail: { closed: 'its process is gone' } };
    const leftMs = until - hostMonoMs();
    const deadlineMs = silence ? Math.min(leftMs, closeWithinMs) : leftMs;
    const closed = await own.driver.perform({ kind: 'close', epoch }, { deadlineMs });
    if (closed.kind !== 'unknown') return closed;
    if (this.hasEnded()) return gone;
    if (!silence || !this.#mayBeOpen || this.#process?.watched == null) return closed;
    this.#process.watched.kill();
    while (until - hostMonoMs() > lookAgainAfterMs) {
      if (this.hasEnded()) return { ...gone, detail: { closed: 'it did not answer, and was killed' } };
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
    }
    return { kind: 'unknown', reason: 'it was killed, and not seen to end in time' };
  }

  async #takeOver(epoch: Epoch, seen: RedisObservation, until: number): Promise<ActionOutcome> {
    const { own, others, sentinel } = this.#options;
    const left = (): CallOptions => ({ deadlineMs: until - hostMonoMs() });
    const { upstream } = seen.replication!;
    const former = others.find(({ address }) => address.host === upstream?.host && address.port === upstream.port);
    if (upstream === null || former === undefined)
      return failed('unknown-primary', 'it follows a server that the topology does not name');
    const there = await former.driver.observe({ deadlineMs: left().deadlineMs / 4 });
    if (there.replication?.role === 'primary') {
      if (this.#gaveWay(epoch, seen, there.replication))
        return failed(
          'gave-way',
          `sentinels have promoted ${former.instance} by themselves: the record has to name it`,
        );
      const short = await this.#unfit(former, epoch, until);
      if (short !== null) return failed('no-candidate', short);
      const switched = await switchPrimary(
        { epoch, from: former, to: own, sentinel, catchUpWithinMs: left().deadlineMs * catchUpShare },
        left(),
      );
      if (switched.kind === 'ok') return { kind: 'ok', detail: { from: former.instance } };
      const reason = `${switched.step}: ${switched.reason}`;
      return switched.kind === 'unknown' ? { kind: 'unknown', reason } : failed(switched.kind, reason);
    }
    // One that answers and is no primary has given way already: Sentinel says to whom, and this one is told soon.
    if (there.replication !== null) return failed('moved', `${former.instance} is no primary any more`);
    const { runId } = seen.server ?? { runId: '' };
    // The record has named it: what it lacks is not known, and said so.
    if (!this.#standing.isCandidate)
      await this.#standing.admit(epoch, { runId, history: seen.replication!.history, until });
    const opened = await this.#openPromoted(epoch, former.address, until);
    return opened.kind === 'ok'
      ? { kind: 'ok', detail: { from: former.instance, loss: 'not known: the former primary did not answer' } }
      : opened;
  }

  /** It let writers of this epoch in, and follows one that was promoted with what it led; it is moved back where the record does not follow. */
  #gaveWay(epoch: Epoch, { openFor }: RedisObservation, { before }: RedisReplication): boolean {
    if (this.#left === null || hostMonoMs() - this.#leftAtMs > recordFollowsWithinMs) return false;
    return openFor?.includes(epoch) === true && this.#left.history === before?.history;
  }

  /** Null: sentinels may promote it, and know. Found out before anybody has to wait. */
  async #unfit(former: RedisPeer, epoch: Epoch, until: number): Promise<string | null> {
    const { own, sentinel } = this.#options;
    if (!this.#standing.isCandidate) await this.#standing.keep(former, { epoch, until, stillAsked: () => true });
    if (!this.#standing.isCandidate)
      return `sentinels may not promote it: ${this.#standing.why ?? `${former.instance} was not seen to lead`}`;
    const seenUntil = hostMonoMs() + (until - hostMonoMs()) * seenShare;
    for (;;) {
      const { replicas, reasons } = await sentinel.observe({ deadlineMs: seenUntil - hostMonoMs() });
      const known = replicas?.find((each) => isAt(each, own.address));
      // A priority that was never asked for is not 0.
      if (known?.linkUp && known.priority > 0 && !known.flags.includes('s_down')) return null;
      if (seenUntil - hostMonoMs() > askAgainAfterMs) {
        await new Promise((resolve) => setTimeout(resolve, askAgainAfterMs));
        continue;
      }
      if (replicas === null) return reasons.join('; ');
      return known === undefined ? 'its sentinel does not know it yet' : candidateText(known);
    }
  }

  /** Sentinels that may promote nobody are asked until they have looked again. */
  async #failedOver(action: SentinelAction, until: number): Promise<ActionOutcome> {
    for (;;) {
      const moved = await this.#options.sentinel.perform(action, { deadlineMs: until - hostMonoMs() });
      if (moved.kind !== 'failed' || moved.code !== 'no-candidate') return moved;
      if (until - hostMonoMs() <= askAgainAfterMs)
        return failed('no-candidate', `${moved.reason}: "SENTINEL REPLICAS ${this.#options.set}" says what each lacks`);
      await new Promise((resolve) => setTimeout(resolve, askAgainAfterMs));
    }
  }

  /**
   * Sentinel is asked, and promotes at once; it looks only once a second whether that has worked, and tells the other replicas then.
   * They are told here, over connections that stand before it has; one that cannot be told waits for Sentinel.
   */
  async #openPromoted(epoch: Epoch, former: DialAddress, until: number): Promise<ActionOutcome> {
    const { own } = this.#options;
    const left = (): CallOptions => ({ deadlineMs: until - hostMonoMs() });
    const from = { host: former.host, port: former.port };
    let refused: ActionOutcome | null = null;
    void this.#failedOver({ kind: 'failover', epoch, from, to: own.address }, until).then(
      (moved) => {
        if (moved.kind !== 'ok') refused = moved;
      },
      (cause: unknown) => {
        refused = { kind: 'unknown', reason: String(cause) };
      },
    );
    const promoted = Promise.withResolvers<void>();
    void this.#followedOnce(promoted.promise, { epoch, former, until });
    for (;;) {
      const opened = await own.driver.perform({ kind: 'open', epoch }, left());
      // Sentinel cuts whoever is connected to the server that it promotes: that is no answer, and opening again changes nothing.
      const isLate = until - hostMonoMs() <= lookAgainAfterMs;
      if ((!isEarly(opened) && opened.kind !== 'unknown') || isLate || this.hasEnded()) return opened;
      if (refused !== null) return refused;
      if (opened.kind === 'failed' && opened.code === 'no-replicas') promoted.resolve();
      await this.#waited(opened, until);
    }
  }

  /** Every other replica that Sentinel knows follows this server as soon as it is promoted. */
  async #followedOnce(
    promoted: Promise<void>,
    { epoch, former, until }: { readonly epoch: Epoch; readonly former: DialAddress; readonly until: number },
  ): Promise<void> {
    const { own, sentinel, follower } = this.#options;
    const left = (): CallOptions => ({ deadlineMs: until - hostMonoMs() });
    const { replicas } = await sentinel.observe({ deadlineMs: left().deadlineMs / 4 });
    const others = (replicas ?? []).filter((each) => !isAt(each, own.address) && !isAt(each, former));
    const follow = { kind: 'follow', epoch, upstream: own.address } as const;
    await Promise.allSettled(
      others.map(({ host, port }) => follower({ host, port }).followOnce(promoted, follow, left())),
    );
  }

  /** A primary that nobody follows yet takes no writes: it is asked again until its replicas are there. */
  async #open(epoch: Epoch, until: number): Promise<ActionOutcome> {
    for (;;) {
      const left = { deadlineMs: until - hostMonoMs() };
      const opened = await this.#options.own.driver.perform({ kind: 'open', epoch }, left);
      if (!isEarly(opened) || until - hostMonoMs() <= lookAgainAfterMs) return opened;
      await this.#waited(opened, until);
    }
  }
}

const isEarly = (opened: ActionOutcome): boolean =>
  opened.kind === 'failed' && (opened.code === 'no-replicas' || opened.code === 'not-primary');

/** Another one is primary too, and named by a sentinel at least. */
interface Dispute {
  readonly text: string;
  readonly rival: DialAddress;
  /** By most of them. */
  readonly isNamed: boolean;
}

function candidateText({ priority, flags, linkUp }: SentinelReplica): string {
  const state = flags.includes('s_down') ? ', and for down' : linkUp ? '' : ', and does not know that it follows';
  return `its sentinel has it with priority ${priority}${state}: it looks again within 10 s`;
}

/** What to do about it too: a sentinel that has missed a change of the same number is not corrected by the others. */
function disputeText(words: readonly SentinelWord[]): string {
  const said = words.map(({ sentinel, primary }) => {
    const who = sentinel === null ? 'its sentinel' : `the one at ${sentinel.host}:${sentinel.port}`;
    return `${who} names ${primary === null ? 'nobody' : `${primary.host}:${primary.port}`}`;
  });
  return `${said.join(', ')}; at whoever differs from the most "SENTINEL REMOVE", then "MONITOR" and its settings`;
}

const isAt = (left: DialAddress, right: DialAddress): boolean => left.host === right.host && left.port === right.port;
const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });
