import type { LeaseRecord } from '../core/authority/group-record.ts';
import type { Epoch, InstanceId, MonoMs, Revision } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type { Component, FailoverGroup, Instance } from '../core/topology/topology.ts';
import type { ActionOutcome, InstanceAction, ProcessExit } from './driver-port.ts';
import { ToldMode } from './durability-evidence.ts';
import type { HeldLease } from './held-lease.ts';
import type { Command, InstanceReport } from './messages.ts';
import { ReplicaProgress } from './replica-progress.ts';

const RECONCILE_EVERY_MS = 200;
const BACKOFF_CEILING_MS = 2000;
/** A driver that saw the end says this soon that the process tree is empty. */
const PROOF_OF_END_WITHIN_MS = 250;
const CONNECTION_STAYS_MS = 1000;

/** A promotion under way: it waits for its lease first, and has begun nothing until it has that. */
export interface Promotion {
  readonly command: Command;
  stage: 'lease' | 'performing';
  leaseRevision: Revision;
  /** When it is given up unless its lease was renewed. */
  readonly leaseWithin: number;
}

/** What an agent knows about one instance on its host. */
export class LocalInstance {
  readonly instance: Instance;
  readonly component: Component;
  readonly group: FailoverGroup;
  /** A promotion was performed and no proven end was seen since. */
  mayWrite: boolean;
  /** Grant under which it was last promoted by this agent; 0 = never. */
  reignEpoch = 0;
  /** How it was made sure that it writes no more, last time. */
  silencedBy: 'process-dead' | 'demoted' = 'process-dead';
  /** Counts its promotions: what was asked of an earlier reign says nothing about this one. */
  reign = 0;
  /** When the last one ended; what was seen before it may be of an earlier process. */
  promotedAt = 0;
  /** A kill is under way. */
  killing = false;
  lease: HeldLease | null = null;
  /** Highest number of a committed renewal of ours. */
  leaseCounter = 0;
  /** `leaseRevision`: where the last holder's lease stands, as far as whoever ordered it knows. */
  promotion: Promotion | null = null;
  /** The gate that the next renewal names; null when the last arming failed, and then expiry proves nothing. */
  gate: LeaseRecord['gate'];
  observation: InstanceObservation | null = null;
  exit: ProcessExit | null = null;
  /** What a front or a served instance took over last; its routes as text. */
  routed: { readonly epoch: Epoch; readonly routes: string } | null = null;
  /** The grant under which it was last told whom to follow, and when. */
  followed: { readonly epoch: Epoch; readonly at: number } | null = null;
  /** When it lost its upstream last, connections that did not stay apart; null = it never did. */
  upstreamLostAt: number | null = null;
  upkeepBusy = false;
  /** In a row. */
  leaseRefusals = 0;
  /** Whom the holder waits for, as it last confirmed; null = not known, and must be asked for again. */
  waitsFor: readonly InstanceId[] | null = null;
  /** Whether it confirmed that it takes no new risk; null = not known. */
  toldHalt: boolean | null = null;
  /** What the evidence says of its durability mode. */
  readonly toldMode = new ToldMode();
  /** When it was last told, or answered, whether to accept new risk. */
  tradingToldAt = 0;
  ackSetChangedAt = 0;
  ackSetAskedAt = 0 as MonoMs;
  /** A write of the record was sent, by this agent or by one before it, whose outcome is not known. */
  recordUnsettled: boolean;
  /** Revision of the record under which it was drained last in this reign; an older one says nothing about new risk. */
  tradingSince = 0;
  /** Revision of the record under which a recovery had it stop accepting last; that record says nothing of how the recovery ended. */
  stoppedSince = 0;
  acceptToldAt = 0;
  /** Of the replicas that it waits for, while it is primary. */
  readonly replicaProgress = new ReplicaProgress();
  #connectedSince: number | null = null;
  #observedAt = 0;
  #frozenSince: number | null = null;
  /** Minus infinity: before this agent looked. */
  #endedSince: number | null = null;
  #ran = false;
  #busy: number | null = null;
  #reconcileAt = 0;
  #backoffMs = RECONCILE_EVERY_MS;

  constructor(known: {
    readonly instance: Instance;
    readonly component: Component;
    readonly group: FailoverGroup;
    readonly mayWrite: boolean;
    readonly gate: LeaseRecord['gate'];
  }) {
    this.instance = known.instance;
    this.component = known.component;
    this.group = known.group;
    this.mayWrite = known.mayWrite;
    this.recordUnsettled = known.mayWrite;
    // What runs already was not armed by us: the first arming that succeeds says that its gate lives.
    this.gate = known.mayWrite && known.gate?.kind !== 'self' ? null : known.gate;
  }

  /** It has ended, and nobody has said that nothing of it is left: whether its tree is empty has to be made sure of. */
  endedUnseen(now: number): boolean {
    return now >= this.#proofOverdueAt;
  }

  get #proofOverdueAt(): number {
    const applies = this.mayWrite && this.promotion === null && !this.killing && this.observedAfter(this.promotedAt);
    return applies && this.#endedSince !== null ? this.#endedSince + PROOF_OF_END_WITHIN_MS : Number.POSITIVE_INFINITY;
  }

  observedAfter(moment: number): boolean {
    return this.#observedAt > moment;
  }

  get busy(): boolean {
    return this.#busy !== null;
  }

  /** Silent for so long that stopping it is better than waiting: a busy machine makes the best process late. */
  frozenFor(now: number): number {
    return this.#frozenSince === null ? 0 : now - this.#frozenSince;
  }

  /** How long ago it was seen to have ended; 0 while it has not. */
  endedFor(now: number): number {
    return this.#endedSince === null ? 0 : now - this.#endedSince;
  }

  /** A connection that does not stay is none: who is sent away each time it connects has not found its upstream. */
  #lookUpstream(connected: boolean, now: number): void {
    if (connected) {
      this.#connectedSince ??= now;
      return;
    }
    const stayed = this.#connectedSince !== null && now - this.#connectedSince >= CONNECTION_STAYS_MS;
    this.#connectedSince = null;
    this.upstreamLostAt = stayed ? now : (this.upstreamLostAt ?? now);
  }

  observe(observation: InstanceObservation, now: number): void {
    this.#frozenSince = observation.process === 'frozen' ? (this.#frozenSince ?? now) : null;
    const ended = observation.process === 'exited' || observation.process === 'stopped';
    if (!ended) this.#ran = true;
    this.#endedSince = ended ? (this.#endedSince ?? (this.#ran ? now : Number.NEGATIVE_INFINITY)) : null;
    this.#lookUpstream(observation.upstream?.connected === true, now);
    this.observation = observation;
    this.replicaProgress.look(observation.role === 'primary' ? observation.replicas : [], now);
    this.#observedAt = now;
    if (observation.process === 'running') this.exit = null;
  }

  exited(exit: ProcessExit, now: number): void {
    this.exit = exit;
    this.routed = null;
    this.#endedSince ??= now;
    this.#observedAt = now;
    if (this.observation)
      this.observation = {
        ...this.observation,
        process: 'exited',
        role: 'closed',
        releasing: false,
        replicas: [],
        upstream: null,
        health: 'bad',
        reason: `exited with ${exit.signal ?? exit.code}`,
      };
    this.reconsider();
  }

  /** A lease refresh is not an action of its own: it may overlap with anything. */
  began(operation: number, action: InstanceAction, _now: number): void {
    if (action.kind !== 'lease') this.#busy = operation;
  }

  ended(operation: number): void {
    if (this.#busy === operation) this.#busy = null;
  }

  gateArmed(outcome: ActionOutcome): void {
    if (outcome.kind !== 'ok') {
      // What checks its own deadline stays bound by the one it has; a gate outside that was not armed binds nothing any more.
      if (this.gate?.kind !== 'self') this.gate = null;
      return;
    }
    const { gate, gateBoundMs } = outcome.detail;
    this.gate =
      (gate === 'self' || gate === 'warden' || gate === 'nftables') && typeof gateBoundMs === 'number'
        ? { kind: gate, boundMs: gateBoundMs }
        : null;
  }

  mayReconcile(now: number): boolean {
    return this.#busy === null && now >= this.#reconcileAt;
  }

  /** Something changed: look again at once. */
  reconsider(): void {
    this.#reconcileAt = 0;
  }

  reconciling(now: number): void {
    this.#reconcileAt = now + this.#backoffMs;
  }

  /** It took these routes over, whoever had it do so. */
  tookRoutes({ epoch, routes }: Extract<InstanceAction, { kind: 'route' }>): void {
    this.routed = { epoch, routes: JSON.stringify(routes) };
  }

  reconciled(action: InstanceAction, outcome: ActionOutcome, now: number): void {
    if (outcome.kind === 'ok') {
      this.#backoffMs = RECONCILE_EVERY_MS;
      if (action.kind === 'follow') this.followed = { epoch: action.epoch, at: now };
      this.#reconcileAt = now + RECONCILE_EVERY_MS;
      return;
    }
    this.#reconcileAt = now + this.#backoffMs;
    this.#backoffMs = Math.min(BACKOFF_CEILING_MS, this.#backoffMs * 2);
  }

  nextWakeAt(now: number): number {
    // Otherwise events, and the tick that each report is, are when it is looked at again.
    const reconcileAt =
      this.mayWrite || this.#busy !== null || this.#reconcileAt <= now ? Number.POSITIVE_INFINITY : this.#reconcileAt;
    const isRenewed = this.mayWrite || this.promotion !== null || this.component.authority !== 'owned';
    const leaseAt = this.lease && isRenewed ? this.lease.nextAt : Number.POSITIVE_INFINITY;
    const promotionAt = this.promotion?.stage === 'lease' ? this.promotion.leaseWithin : Number.POSITIVE_INFINITY;
    return Math.min(reconcileAt, leaseAt, promotionAt, this.#proofOverdueAt);
  }

  report(now: number, storedCounter = 0): InstanceReport {
    return {
      instance: this.instance.id,
      component: this.component.id,
      observation: this.observation,
      ageMs: this.observation ? now - this.#observedAt : 0,
      exit: this.exit,
      silenced: !this.mayWrite && this.promotion === null,
      silencedBy: this.silencedBy,
      leaseCounter: Math.max(this.leaseCounter, storedCounter),
      leased: this.lease !== null && (this.mayWrite || this.promotion !== null),
    };
  }
}
