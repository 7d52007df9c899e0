import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type {
  ActionOutcome,
  CallOptions,
  DriverSink,
  InstanceAction,
  InstanceDriver,
  Postcondition,
} from '../../engine/driver-port.ts';
import type { GateOutcome, GateTarget } from '../gate/gate.ts';
import type { NftablesGate } from '../gate/nftables-gate.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import { type ClusterAction, type ClusterObservation, epochResource, type PatroniDriver } from './driver.ts';
import type { HostProcesses } from './host-processes.ts';
import { type InstanceOf, observationOf } from './member-observation.ts';
import type { StartBar } from './start-bar.ts';
import type { LockRelease, StoreLocation, StoreView } from './store.ts';
import type { UpstreamKeeper } from './upstream-keeper.ts';

export interface MemberDriverOptions {
  readonly instance: InstanceId;
  readonly driver: PatroniDriver;
  readonly store: StoreLocation;
  /** As Patroni calls each instance of the topology. */
  readonly members: ReadonlyMap<InstanceId, string>;
  /** The topology promises that somebody else has each write. */
  readonly synchronous: boolean;
  /** The driver's own. */
  readonly epochs: GuardedEpochs;
  /** From the end of one look to the beginning of the next. */
  readonly lookEveryMs: number;
  /** A member that has not answered by then is unknown. */
  readonly lookWithinMs: number;
  /** How it is proved on this host that nothing of the member is left; null: it is not, and a lost lock is waited for. */
  readonly host: { readonly processes: HostProcesses; readonly bar: StartBar } | null;
  /** Through which its clients come, and nobody else has to; null: they come as they like. */
  readonly gate: { readonly gate: NftablesGate; readonly address: Address } | null;
  /** Of a member that may never be promoted; null: it streams from whom its own configuration says. */
  readonly upstream: UpstreamKeeper | null;
}

type Address = NonNullable<GateTarget['address']>;

type TakeOver = Extract<InstanceAction, { kind: 'take-over' }>;
type ProveGone = Extract<InstanceAction, { kind: 'prove-gone' }>;
type Lease = Extract<InstanceAction, { kind: 'lease' }>;

/** A lock that was taken from somebody before its time, and on what that rests. */
interface Released {
  readonly from: string;
  readonly because: string;
}

const lookAgainAfterMs = 100;
/** A former primary is looked at for so long before its silence counts; then only what bounds it does. */
const formerAnswersWithinMs = 1000;
/** Two lists of processes in a row: one alone may miss who is forked meanwhile. */
const listedAgainAfterMs = 20;
/** Two processes are asked for; all of them only when both are gone. */
const endSeenWithinMs = 100;
/** Patroni promotes within seconds of a lock that is free; after that it is asked once more. */
const promotedWithinMs = 10_000;
/** Nobody has taken over by then: its own member may come back. */
const barredForMs = 60_000;
/** A former primary that lets no client in is asked to give way where it answers within this. */
const shutAnswersWithinMs = 500;
const gateClosedWithinMs = 3000;
const gateArmedWithinMs = 300;

/**
 * One member of a Patroni cluster as an instance of an agent, which neither starts nor ends it. Patroni promotes, also unasked: that is
 * observed. A take-over is asked of it, and is `ok` once the store's quorum names this member's lock, the member says that it is primary,
 * and the former primary is seen to be none, or is bounded by commits that wait for this member.
 */
export class PatroniMember implements InstanceDriver {
  readonly instance: InstanceId;
  readonly #options: MemberDriverOptions;
  readonly #instanceOf: InstanceOf;
  readonly #member: string;
  #sink: DriverSink | null = null;
  #timer: NodeJS.Timeout | null = null;
  #watch: NodeJS.Timeout | null = null;
  #ended = false;
  #closed = false;
  /** Why its gate did not do as it was told; null: it did. */
  #gateProblem: string | null = null;
  #underWay: { readonly key: string; readonly outcome: Promise<ActionOutcome> } | null = null;

  constructor(options: MemberDriverOptions) {
    this.instance = options.instance;
    this.#options = options;
    const instances = new Map([...options.members].map(([instance, member]) => [member, instance]));
    this.#instanceOf = (member) => instances.get(member) ?? null;
    this.#member = this.#memberOf(options.instance);
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    const { host } = this.#options;
    await this.#closeGate();
    if (host !== null) this.#watch = setInterval(() => this.#watchProcesses(host.processes), endSeenWithinMs).unref();
    await this.#lookAndTell();
  }

  #watchProcesses(processes: HostProcesses): void {
    if (this.#ended || !processes.mayHaveEnded || processes.state !== 'ended') return;
    this.#ended = true;
    void this.#look().then((observation) => this.#tell(observation));
  }

  async observe(options: CallOptions): Promise<InstanceObservation> {
    const { driver, synchronous, host, upstream } = this.#options;
    const until = hostMonoMs() + options.deadlineMs;
    const seen = await driver.observe(options);
    this.#liftBar(seen.store);
    await upstream?.keep(seen, { deadlineMs: until - hostMonoMs() });
    // Also while it is well: what was never seen to run here cannot be seen to have ended.
    const processes = host?.processes.state;
    this.#ended = seen.member === null && processes === 'ended';
    return observationOf(seen, {
      instance: this.instance,
      member: this.#member,
      epoch: this.#highest as Epoch,
      instanceOf: this.#instanceOf,
      synchronous,
      ended: this.#ended,
      gateProblem: this.#gateProblem,
    });
  }

  /** Its member may come back once another one has the lock, or nobody has taken it for long. */
  #liftBar(store: StoreView | null): void {
    const { bar } = this.#options.host ?? {};
    const heldForMs = bar?.heldForMs() ?? null;
    if (heldForMs === null) return;
    const isOver = store !== null && store.leader !== null && store.leader !== this.#member;
    if (isOver || heldForMs > barredForMs) bar?.lift();
  }

  /** What an earlier agent opened stays open until its time; nothing else is. */
  async #closeGate(): Promise<void> {
    if (this.#options.gate === null) return;
    const { gate, address } = this.#options.gate;
    gate.protect(this.instance, { root: null, directory: null, address });
    this.#gateAnswered(await gate.guard(this.instance, { deadlineMs: gateClosedWithinMs }));
  }

  #gateAnswered(outcome: GateOutcome): void {
    this.#gateProblem = outcome.kind === 'ok' ? null : outcome.reason;
  }

  /** Keeps its clients' way open; nothing else of it depends on that. */
  async #openGate({ epoch, leaseUntil }: Lease, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    if (this.#options.gate === null) return failed('not-offered', `${this.instance} has no gatePort`);
    const { gate } = this.#options.gate;
    const armed = await gate.arm({
      instance: this.instance,
      epoch,
      untilMono: leaseUntil,
      deadlineMs: Math.min(gateArmedWithinMs, deadlineMs),
    });
    this.#gateAnswered(armed);
    if (armed.kind === 'ok') return { kind: 'ok', detail: { gate: gate.kind, gateBoundMs: gate.boundMs } };
    return armed.kind === 'unknown' ? armed : failed('gate-not-armed', `${armed.code}: ${armed.reason}`);
  }

  async perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome> {
    switch (action.kind) {
      case 'fence':
        return this.#admit(action.epoch) ?? { kind: 'ok', detail: {} };
      case 'prove-gone':
        return this.#admit(action.epoch) ?? this.#proveGone(action, options);
      case 'take-over':
        return this.#takeOverOnce(action, options);
      case 'lease':
        return this.#openGate(action, options);
      default:
        return failed('not-ours', `${this.instance} is run by Patroni: it is asked, and nothing else is done to it`);
    }
  }

  async confirm(condition: Postcondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    switch (condition.kind) {
      case 'epoch-at-least':
        return this.#highest >= condition.epoch ? 'holds' : 'does-not-hold';
      case 'primary-at':
        if (this.#highest < condition.epoch) return 'does-not-hold';
        return this.#options.driver.confirm({ kind: 'primary', member: this.#member }, options);
      case 'not-primary':
        if (this.#highest < condition.epoch) return 'does-not-hold';
        return this.#options.driver.confirm({ kind: 'demoted', member: this.#member }, options);
      default:
        return 'unknown';
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#watch !== null) clearInterval(this.#watch);
  }

  #memberOf(instance: InstanceId): string {
    return this.#options.members.get(instance) ?? instance;
  }

  get #highest(): number {
    return this.#options.epochs.highest(epochResource(this.#options.store));
  }

  #admit(epoch: Epoch): ActionOutcome | null {
    if (this.#options.epochs.admit(epochResource(this.#options.store), epoch)) return null;
    return failed('stale-epoch', `epoch ${epoch} is older than ${this.#highest} for ${this.instance}`);
  }

  /**
   * The lock is read first, then nothing is seen to be left: whoever could renew it later would have been seen. What keeps it from being
   * started makes a second try needless, and is no part of the proof.
   */
  async #proveGone({ epoch }: ProveGone, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const { driver, host } = this.#options;
    if (host === null) return failed('not-offered', `${this.instance} has no barFile: a lost lock is waited for`);
    const { member, store, reasons } = await driver.observe({ deadlineMs: deadlineMs / 2 });
    if (member !== null) return failed('still-there', `Patroni of ${this.instance} answers`);
    if (store === null) return { kind: 'unknown', reason: `who has the lock was not found out: ${reasons.join('; ')}` };
    const { leader, leaderSince: since, leaderRenewed: renewed } = store;
    if (leader !== this.#member) return failed('not-holder', `${leader ?? 'nobody'} has the lock`);
    if (since === null || renewed === null)
      return failed('untold', 'the store does not say when the lock was taken and renewed');
    try {
      host.bar.hold(epoch);
    } catch (error) {
      return failed('not-barred', `${host.bar.file}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const looks = [host.processes.listed()];
    await pause(listedAgainAfterMs);
    looks.push(host.processes.listed());
    const not = looks.find((look) => look !== 'ended');
    if (not !== undefined) {
      host.bar.lift();
      return not === 'running'
        ? failed('still-there', `a process of Patroni or PostgreSQL runs on the host of ${this.instance}`)
        : failed(
            'never-seen',
            'this agent has never seen Patroni and PostgreSQL here: that it sees none proves nothing',
          );
    }
    const seen = `no process of Patroni or PostgreSQL is left, and ${host.bar.file} keeps them from being started`;
    return { kind: 'ok', detail: { since, renewed, seen } };
  }

  /** One at a time; the same one under way is joined. */
  async #takeOverOnce(action: TakeOver, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const stale = this.#admit(action.epoch);
    if (stale !== null) return stale;
    const until = hostMonoMs() + deadlineMs;
    const key = JSON.stringify(action);
    if (this.#underWay?.key === key) return this.#underWay.outcome;
    const before = this.#underWay?.outcome ?? Promise.resolve(null);
    const outcome = before.then(async () => this.#admit(action.epoch) ?? this.#takeOver(action, until));
    const underWay = { key, outcome };
    this.#underWay = underWay;
    try {
      return await outcome;
    } finally {
      if (this.#underWay === underWay) this.#underWay = null;
      void this.#look().then((observation) => this.#tell(observation));
    }
  }

  async #takeOver(action: TakeOver, until: number): Promise<ActionOutcome> {
    const { driver } = this.#options;
    const leftMs = () => until - hostMonoMs();
    if (leftMs() <= 0) return { kind: 'unknown', reason: 'an earlier order took all of the time' };
    const givesWay = this.#asked(action);
    const seen = await driver.observe({ deadlineMs: leftMs() / 4 });
    const { store } = seen;
    if (store === null)
      return { kind: 'unknown', reason: `who has the lock was not found out: ${seen.reasons.join('; ')}` };
    let released: Released | null = null;
    let kept: string | null = null;
    if (store.leader !== this.#member) {
      const release = await this.#release(action, seen, givesWay, leftMs);
      if (release?.kind === 'released' && store.leader !== null)
        released = { from: store.leader, because: action.gone === undefined ? isShut : isGone };
      if (release?.kind === 'kept') kept = `the lock of ${store.leader} was waited for: ${release.reason}`;
      // What may be gone is waited for as well; Patroni is asked where that was in vain.
      const isTaken =
        release !== null &&
        release.kind !== 'kept' &&
        (await this.#isPrimary(hostMonoMs() + Math.min(promotedWithinMs, leftMs() / 2)));
      if (isTaken) return this.#proved(action, [store.leader, store.sync?.leader ?? null], until, released);
      const asking = await this.#question(action, store.leader, leftMs);
      if ('reason' in asking) return asking;
      const asked = await driver.perform(asking, { deadlineMs: leftMs() });
      if (asked.kind !== 'ok') return kept === null ? asked : { ...asked, reason: `${asked.reason}; ${kept}` };
    } else if (!(await this.#isPrimary(until)))
      return { kind: 'unknown', reason: `${this.instance} has the lock, and was not seen to be primary in time` };
    const proved = await this.#proved(action, [store.leader, store.sync?.leader ?? null], until, released);
    return kept === null || proved.kind !== 'ok' ? proved : { ...proved, detail: { ...proved.detail, kept } };
  }

  /** Null: nobody proved that the holder is gone or lets no client in, or it is another one, or it answers and is asked. */
  async #release(
    { epoch, former, gone, shut }: TakeOver,
    seen: ClusterObservation,
    givesWay: Promise<boolean>,
    leftMs: () => number,
  ): Promise<LockRelease | null> {
    const holder = seen.store?.leader ?? null;
    const lock = gone ?? (shut && { since: shut.since, renewed: null });
    if (lock === undefined || former === null || holder === null || holder !== this.#memberOf(former)) return null;
    if (await givesWay) return null;
    return this.#options.driver.release({ holder, lock, epoch }, seen, { deadlineMs: leftMs() / 4 });
  }

  /** Whether who only lets no client in answers as primary all the same: then it is asked to give way. */
  async #asked({ former, gone, shut }: TakeOver): Promise<boolean> {
    if (gone !== undefined || shut === undefined || former === null) return false;
    return this.#answers(this.#memberOf(former), shutAnswersWithinMs);
  }

  async #answers(leader: string, deadlineMs: number): Promise<boolean> {
    return (await this.#options.driver.confirm({ kind: 'primary', member: leader }, { deadlineMs })) === 'holds';
  }

  /** A planned move names the primary that gives way. An unplanned one does where it answers; else Patroni is asked to fail over. */
  async #question(
    { epoch, former, planned }: TakeOver,
    leader: string | null,
    leftMs: () => number,
  ): Promise<ClusterAction | Extract<ActionOutcome, { kind: 'failed' }>> {
    const to = this.#member;
    if (planned) {
      if (former === null || former === this.instance)
        return failed('other-primary', 'a planned move names another primary');
      return { kind: 'switchover', epoch, from: this.#memberOf(former), to };
    }
    const answers = leader !== null && (await this.#answers(leader, leftMs() / 4));
    return answers ? { kind: 'switchover', epoch, from: leader, to } : { kind: 'failover', epoch, to, loss: 'none' };
  }

  /** Patroni is promoting it: it already has the lock. */
  async #isPrimary(until: number): Promise<boolean> {
    for (;;) {
      const deadlineMs = until - hostMonoMs();
      if (deadlineMs <= 0) return false;
      if ((await this.#options.driver.confirm({ kind: 'primary', member: this.#member }, { deadlineMs })) === 'holds')
        return true;
      await pause(lookAgainAfterMs);
    }
  }

  /** On what it rests: the lock with its revision, and that the former primary is none, or can acknowledge nothing without this member. */
  async #proved(
    { former }: TakeOver,
    before: readonly (string | null)[],
    until: number,
    released: Released | null,
  ): Promise<ActionOutcome> {
    const { driver } = this.#options;
    const seen = await driver.observe({ deadlineMs: Math.max(0, until - hostMonoMs()) });
    if (seen.store === null || seen.store.leader !== this.#member)
      return { kind: 'unknown', reason: `${this.instance} was primary, and its lock was not read back in time` };
    const others = new Set([former === null ? null : this.#memberOf(former), ...before]);
    others.delete(this.#member);
    const words: string[] = [];
    for (const member of others) {
      if (member === null) continue;
      const strict = seen.settings?.durability === 'strict' && seen.store.sync?.quorum === 0;
      const word =
        member === released?.from
          ? `${member} ${released.because}, and its lock was released`
          : await this.#wordOf(member, strict, until);
      if (word === null)
        return {
          kind: 'unknown',
          reason: `former-unproved: ${member} was not seen to be demoted${strict ? '' : ', and nothing bounds what it acknowledges'}`,
        };
      words.push(word);
    }
    const detail = {
      lock: `of ${seen.store.leader} since revision ${seen.store.leaderSince ?? 'unknown'}`,
      former: words.join('; ') || 'nobody else',
    };
    return { kind: 'ok', detail };
  }

  /** What is known of a former primary; null where that proves nothing. */
  async #wordOf(member: string, strict: boolean, until: number): Promise<string | null> {
    const silentSince = hostMonoMs();
    for (;;) {
      const leftMs = until - hostMonoMs();
      const condition = { kind: 'demoted', member } as const;
      const answer = await this.#options.driver.confirm(condition, {
        deadlineMs: Math.min(leftMs, formerAnswersWithinMs),
      });
      if (answer === 'holds') return `${member} is demoted`;
      const silent = answer === 'unknown' && hostMonoMs() - silentSince >= formerAnswersWithinMs;
      if (silent && strict)
        return `${member} is not heard; commits are synchronous and strict: it acknowledges nothing that ${this.#member} does not have`;
      if (leftMs <= lookAgainAfterMs) return null;
      await pause(lookAgainAfterMs);
    }
  }

  async #lookAndTell(): Promise<void> {
    this.#tell(await this.#look());
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#lookAndTell(), this.#options.lookEveryMs);
    this.#timer.unref();
  }

  #look(): Promise<InstanceObservation> {
    return this.observe({ deadlineMs: this.#options.lookWithinMs });
  }

  #tell(observation: InstanceObservation): void {
    if (!this.#closed) this.#sink?.observed(observation);
  }
}

const isGone = 'is gone, as its host proved';
const isShut = 'lets no client in, as its gate has closed';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const failed = (code: string, reason: string): Extract<ActionOutcome, { kind: 'failed' }> => ({
  kind: 'failed',
  code,
  reason,
});
