import { isGated } from '../core/authority/delegate-gate.ts';
import { asksBeforePromotion, type PromotionPermit } from '../core/authority/promotion-permit.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { DelegateObservation } from '../core/health/instance-observation.ts';
import type { Component } from '../core/topology/topology.ts';
import type { ActionOutcome, InstanceAction } from '../engine/driver-port.ts';
import type { EventQueue } from './event-queue.ts';
import type { InstanceModel } from './instance-model.ts';

type TakeOver = Extract<InstanceAction, { kind: 'take-over' }>;

export interface DelegateSurroundings {
  readonly queue: EventQueue;
  member(id: InstanceId): InstanceModel;
  /** It reaches a quorum of its store. */
  reachesStore(member: InstanceModel): boolean;
  /** Its host has power: what has ended is started again there. */
  powered(member: InstanceModel): boolean;
  connected(left: InstanceModel, right: InstanceModel): boolean;
  /** `why`: what the story says of it. */
  locked(holder: InstanceId, why: string): void;
  /** What the agent of its host answers when Patroni asks there before it promotes; told in the story. */
  permit(member: InstanceModel): PromotionPermit;
  /** Drawn where Patroni asks: somebody else comes to a released lock before the one that it was released for. */
  contested(): boolean;
}

interface Lock {
  readonly holder: InstanceId;
  readonly since: number;
  /** Counts its renewals. */
  renewed: number;
  until: number;
}

export const DELEGATE_TTL_MS = 4000;
const LOOP_MS = 400;
/** Nobody has taken over by then: what was kept from starting may come back. */
const BARRED_FOR_MS = 60_000;

/**
 * What Patroni is to Holdfast: it says itself who is primary, by a lock with a TTL in a store of its own, and promotes by itself: when the
 * lock is free, and when somebody asks it behind our back. A primary that cannot renew steps down before its lock is free. Commits wait for
 * a synchronous standby, strictly; only such a one, or the last holder, takes the lock.
 */
export class DelegateModel {
  readonly component: Component;
  /** Everybody who ever had the lock; the truth that checkers compare with. */
  readonly history: { readonly holder: InstanceId; readonly since: number }[] = [];
  /** Locks that were taken away before their time, and what their holder could still do; the truth that checkers look at. */
  readonly releases: { readonly holder: InstanceId; readonly why: 'gone' | 'shut'; readonly could: boolean }[] = [];
  /** Two that both believe to be primary, and let clients in; checkers look at them. */
  readonly doubled: { readonly one: InstanceId; readonly other: InstanceId }[] = [];
  /** By the world's clock. */
  readonly #openUntil = new Map<InstanceId, number>();
  /** Until when one that does not reach its store believes to have the lock. */
  readonly #believesUntil = new Map<InstanceId, number>();
  readonly #barredUntil = new Map<InstanceId, number>();
  /** Whoever was refused a promotion stays out of races until then. */
  readonly #outUntil = new Map<InstanceId, number>();
  readonly #around: DelegateSurroundings;
  readonly #primaryAt = new Map<InstanceId, number>();
  readonly #turnAt = new Map<InstanceId, number>();
  #takenAt = 0;
  #lock: Lock | null = null;
  #revision = 20;
  #synchronous: readonly InstanceId[] = [];

  constructor(component: Component, around: DelegateSurroundings) {
    this.component = component;
    this.#around = around;
  }

  /** Founded where the topology names its first member. */
  boot(): void {
    const [first, ...others] = this.#members.filter(({ instance }) => instance.eligible);
    for (const member of this.#members) member.delegatedRole('standby');
    this.#synchronous = others.map(({ id }) => id);
    this.#lockFor(first!);
    this.#promote(first!, 'founded there');
    this.#loop();
  }

  get #members(): readonly InstanceModel[] {
    return this.component.instances.map(({ id }) => this.#around.member(id));
  }

  /** Whoever has the lock now, as its store has it. */
  get holder(): InstanceId | null {
    return this.#held?.holder ?? null;
  }

  /** Somebody has what its primary writes: without that a commit waits, since it is strict. */
  get acknowledges(): boolean {
    const holder = this.#held === null ? null : this.#around.member(this.#held.holder);
    return (
      holder !== null &&
      this.#members.some(
        (each) => each !== holder && each.process === 'running' && this.#around.connected(holder, each),
      )
    );
  }

  get #held(): Lock | null {
    return this.#lock !== null && this.#around.queue.now < this.#lock.until ? this.#lock : null;
  }

  /** It had the lock, and was primary, at this moment last; null = never. */
  primaryAt(id: InstanceId): number | null {
    this.#watch();
    return this.#primaryAt.get(id) ?? null;
  }

  /** Patroni has looked there since the lock was taken last: what was frozen says what it was until then, and can acknowledge nothing. */
  hasLooked(id: InstanceId): boolean {
    return (this.#turnAt.get(id) ?? 0) > this.#takenAt;
  }

  #watch(): void {
    const held = this.#held;
    if (held !== null && this.#around.member(held.holder).role === 'primary')
      this.#primaryAt.set(held.holder, this.#around.queue.now);
  }

  /** As the agent beside a member sees it; null: its store is not reached from there. */
  view(member: InstanceModel): DelegateObservation | null {
    if (!this.#around.reachesStore(member)) return null;
    const lock = this.#held;
    return {
      lock: lock === null ? null : { holder: lock.holder, since: lock.since },
      withoutLoss: this.#synchronous,
      durability: 'strict',
      lockTtlMs: DELEGATE_TTL_MS,
      paused: false,
      dangers: [],
    };
  }

  /** As the driver does it on the host of a member that has ended: reads the lock, keeps it from starting, looks. */
  proveGone(member: InstanceModel): ActionOutcome {
    if (!this.#around.reachesStore(member)) return { kind: 'unknown', reason: 'who has the lock was not found out' };
    const held = this.#held;
    if (held?.holder !== member.id) return failed('not-holder', `${held?.holder ?? 'nobody'} has the lock`);
    if (member.process !== 'exited') return failed('still-there', `${member.id} is ${member.process}`);
    this.#barredUntil.set(member.id, this.#around.queue.now + BARRED_FOR_MS);
    return {
      kind: 'ok',
      detail: { since: held.since, renewed: held.renewed, seen: `nothing of ${member.id} is left` },
    };
  }

  /** Keeps the way of a member's clients open; the kernel of its host closes it, whatever became of the agent. */
  openGate(member: InstanceModel, until: number): ActionOutcome {
    if (!isGated(this.component)) return failed('not-offered', `${member.id} has no gate`);
    this.#openUntil.set(member.id, Math.max(until, this.#openUntil.get(member.id) ?? 0));
    this.#lookForTwo();
    return { kind: 'ok', detail: { gate: 'nftables', gateBoundMs: 50 } };
  }

  /** Clients reach it, if they reach its host. */
  letsIn(id: InstanceId): boolean {
    return !isGated(this.component) || this.#around.queue.now < (this.#openUntil.get(id) ?? 0);
  }

  /** Only gates promise it: without, a primary that thaws lets clients in until Patroni looks. */
  #lookForTwo(): void {
    if (!isGated(this.component)) return;
    const writing = this.#members.filter(
      ({ id, role, process }) => role === 'primary' && process === 'running' && this.letsIn(id),
    );
    if (writing.length > 1) this.doubled.push({ one: writing[0]!.id, other: writing[1]!.id });
  }

  /** Only from the holder that was proved to be gone, and where nobody has renewed it since, or that lets nobody in and does not answer. Null: it is kept. */
  #released(held: Lock, to: InstanceModel, { former, gone, shut }: TakeOver): ActionOutcome | null {
    if (held.holder !== former || !this.#synchronous.includes(to.id)) return null;
    const holder = this.#around.member(former);
    const isGone = gone !== undefined && held.since === gone.since && held.renewed === gone.renewed;
    const answers = holder.process === 'running' && this.#around.connected(to, holder);
    const isShut = shut !== undefined && held.since === shut.since && !answers;
    if (!isGone && !isShut) return null;
    this.releases.push(
      isGone
        ? { holder: former, why: 'gone', could: holder.process !== 'exited' }
        : { holder: former, why: 'shut', could: holder.process !== 'exited' && this.letsIn(former) },
    );
    const rival = this.#rivalOf(to);
    if (rival !== null) {
      this.#take(rival, 'it came first to a lock that was released');
      return { kind: 'unknown', reason: `${rival.id} came first to the lock` };
    }
    if (!this.#take(to, 'its lock was released')) return notPromoted(to);
    return this.#proved(to, this.#lock!, former);
  }

  /** Whoever else may take a free lock now, and comes first. */
  #rivalOf(to: InstanceModel): InstanceModel | null {
    if (!asksBeforePromotion(this.component)) return null;
    const rivals = this.#members.filter(
      (member) =>
        member !== to &&
        member.process === 'running' &&
        this.#around.reachesStore(member) &&
        this.#mayTake(member) &&
        !this.#isOut(member),
    );
    return rivals.length > 0 && this.#around.contested() ? rivals[0]! : null;
  }

  /** By `/sync`, which names the former primary and whom its commits waited for. */
  #mayTake({ id }: InstanceModel): boolean {
    return this.#synchronous.includes(id) || this.#lock?.holder === id;
  }

  #isOut({ id }: InstanceModel): boolean {
    return this.#around.queue.now < (this.#outUntil.get(id) ?? 0);
  }

  /** As the driver does it: asked of whoever is in charge, `ok` with on what it rests. */
  takeOver(to: InstanceModel, action: TakeOver): ActionOutcome {
    const { former, planned } = action;
    if (!this.#around.reachesStore(to)) return { kind: 'unknown', reason: 'who has the lock was not found out' };
    const held = this.#held;
    if (held?.holder === to.id)
      return to.role === 'primary'
        ? this.#proved(to, held, former)
        : { kind: 'unknown', reason: `${to.id} has the lock, and is not primary yet` };
    const released = held === null ? null : this.#released(held, to, action);
    if (released !== null) return released;
    if (planned && held?.holder !== former) return failed('other-primary', `${held?.holder ?? 'nobody'} has the lock`);
    if (!this.#synchronous.includes(to.id)) return failed('would-lose', `${to.id} is not a synchronous standby`);
    if (this.#isOut(to)) return notPromoted(to);
    const holder = held === null ? null : this.#around.member(held.holder);
    if (holder !== null) {
      const gives = holder.process === 'running' && this.#around.reachesStore(holder);
      if (!gives) return { kind: 'unknown', reason: 'the lock is not free yet' };
      holder.delegatedRole('standby');
    }
    if (!this.#take(to, 'asked for it')) return notPromoted(to);
    return this.#proved(to, this.#lock!, former ?? holder?.id ?? null);
  }

  /** Somebody has it moved, and nobody of Holdfast. */
  promote(to: InstanceModel): void {
    const held = this.#held;
    if (held?.holder === to.id) return;
    // Patroni takes no member with `nofailover`, and so does not ask for it; who promotes one past Patroni asks nobody.
    if (asksBeforePromotion(this.component) && !to.instance.eligible) return;
    if (held !== null) this.#around.member(held.holder).delegatedRole('standby');
    this.#take(to, 'promoted behind our back');
  }

  #proved(to: InstanceModel, lock: Lock, former: InstanceId | null): ActionOutcome {
    const before = former === null || former === to.id ? null : this.#around.member(former);
    const heard = before?.process === 'running' && this.#around.connected(to, before);
    if (before !== null && heard && before.role === 'primary')
      return { kind: 'unknown', reason: `former-unproved: ${before.id} was not seen to be demoted` };
    const word = before === null ? 'nobody else' : `${before.id} is ${heard ? 'demoted' : 'not heard'}`;
    return { kind: 'ok', detail: { lock: `of ${to.id} since revision ${lock.since}`, former: word } };
  }

  /** In Patroni's order: the lock, then nobody but the member itself in `/sync`, then the question, then the promotion. False: the lock was given back. */
  #take(member: InstanceModel, why: string): boolean {
    this.#lockFor(member);
    if (!this.#isPermitted(member)) return false;
    this.#promote(member, why);
    return true;
  }

  #isPermitted(member: InstanceModel): boolean {
    if (!asksBeforePromotion(this.component) || this.#around.permit(member).kind === 'granted') return true;
    const { now } = this.#around.queue;
    this.#lock!.until = now;
    this.#outUntil.set(member.id, now + DELEGATE_TTL_MS);
    return false;
  }

  #lockFor(member: InstanceModel): void {
    this.#revision += 1;
    const until = this.#around.queue.now + DELEGATE_TTL_MS;
    this.#lock = { holder: member.id, since: this.#revision, renewed: 0, until };
    this.#synchronous = [];
    this.#takenAt = this.#around.queue.now;
    this.history.push({ holder: member.id, since: this.#revision });
  }

  #promote(member: InstanceModel, why: string): void {
    this.#around.locked(member.id, why);
    member.delegatedRole('primary');
    this.#watch();
    this.#lookForTwo();
  }

  #loop(): void {
    const { queue } = this.#around;
    this.#watch();
    for (const member of this.#members)
      if (member.process === 'running') this.#turn(member);
      else if (member.process === 'exited' && this.#around.powered(member) && !this.#barred(member)) member.start();
    queue.after(LOOP_MS, () => this.#loop());
  }

  #barred({ id }: InstanceModel): boolean {
    const isOver =
      (this.#held !== null && this.#held.holder !== id) || this.#around.queue.now >= (this.#barredUntil.get(id) ?? 0);
    if (isOver) this.#barredUntil.delete(id);
    return !isOver;
  }

  #turn(member: InstanceModel): void {
    const { queue } = this.#around;
    this.#turnAt.set(member.id, queue.now);
    const reaches = this.#around.reachesStore(member);
    const held = this.#held;
    if (held?.holder === member.id) {
      if (reaches) {
        held.until = queue.now + DELEGATE_TTL_MS;
        held.renewed += 1;
        this.#believesUntil.set(member.id, held.until - 2 * LOOP_MS);
        // It was started anew, and its lock is still its own.
        if (member.role !== 'primary') {
          this.#synchronous = [];
          if (!this.#isPermitted(member)) return;
          member.delegatedRole('primary');
        }
        this.#synchronous = this.#followersOf(member);
      } else if (queue.now >= held.until - 2 * LOOP_MS) member.delegatedRole('standby');
      return;
    }
    const believes = !reaches && member.role === 'primary' && queue.now < (this.#believesUntil.get(member.id) ?? 0);
    if (member.role !== 'standby' && !believes) member.delegatedRole('standby');
    if (held === null && reaches && this.#mayTake(member) && !this.#isOut(member))
      this.#take(member, 'promoted by itself');
  }

  #followersOf(primary: InstanceModel): readonly InstanceId[] {
    return this.#members
      .filter((each) => each !== primary && each.instance.eligible && each.process === 'running')
      .filter((each) => this.#around.connected(primary, each))
      .map(({ id }) => id);
  }
}

const notPromoted = (to: InstanceModel): ActionOutcome => ({
  kind: 'unknown',
  reason: `${to.id} was refused its promotion`,
});
const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });
