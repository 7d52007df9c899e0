import { isGated } from '../core/authority/delegate-gate.ts';
import type { GroupRecord, LeaseRecord } from '../core/authority/group-record.ts';
import { assert } from '../core/base/assert.ts';
import { nextBeat } from '../core/base/beat.ts';
import type { Epoch, GroupId, HostId, InstanceId, SiteId, Term } from '../core/base/ids.ts';
import { sameJson } from '../core/base/same-json.ts';
import { hasUpstream, letInAlike } from '../core/health/instance-observation.ts';
import { isServedKind } from '../core/topology/served.ts';
import type { FailoverGroup, Topology } from '../core/topology/topology.ts';
import { indexOf, type TopologyIndex } from '../core/topology/topology-index.ts';
import { acceptAgain } from './accepting-again.ts';
import { AckSetUpkeep } from './ack-set-upkeep.ts';
import type { AgentEffect, AgentEvent, AgentEvidence } from './agent-effects.ts';
import { type AgentMemory, REMEMBERED } from './agent-memory.ts';
import { keys } from './authority-keys.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { Transaction, TransactionOutcome } from './authority-port.ts';
import { CommandDesk } from './command-desk.ts';
import type { ActionOutcome, InstanceAction, Postcondition, Question } from './driver-port.ts';
import { keepGateOpen } from './gate-lease.ts';
import { LeaseUpkeep } from './lease-upkeep.ts';
import { LocalInstance } from './local-instance.ts';
import type { InstanceReport } from './messages.ts';
import { frontRoutes, standbyAction } from './reconcile.ts';
import { servedAction, servedWithinMs } from './served-routes.ts';
import { switchTrading } from './trading-switch.ts';

/**
 * One host's agent: event in, effects out, no I/O.
 *
 * - It renews the lease of what it hosts while the group record names it, and fences itself when it cannot: it kills before
 *   `sentAt + selfFenceAfterMs + stopWithinMs`. That is the polite half; a gate outside it does the same when it is frozen.
 * - It obeys commands of the leading controller, each once, none with an older term or epoch (I2).
 * - It brings standbys and fronts to where the record says they belong, by itself. It never promotes by itself (I3).
 */
export interface AgentConfig {
  readonly host: HostId;
  readonly topology: Topology;
  /** New at each start. */
  readonly boot: string;
  /**
   * The gate that guards each instance. The first renewal for a promotion may name it: nothing writes under a grant before that is
   * over, and it arms the gate or fails. For what was found writing a renewal names it once an arming was answered.
   */
  readonly gates: Readonly<Record<InstanceId, LeaseRecord['gate']>>;
}

/** What changes together is told together: news of one moment is one report, not several to every controller. */
const REPORTS_APART_MS = 5;

export class AgentCore {
  readonly config: AgentConfig;
  readonly index: TopologyIndex;
  readonly site: SiteId;
  readonly mirror = new AuthorityMirror();
  readonly locals: ReadonlyMap<InstanceId, LocalInstance>;
  readonly #desk: CommandDesk;
  readonly #leases: LeaseUpkeep;
  readonly #ackSets: AckSetUpkeep;
  #memory: AgentMemory;
  #effects: AgentEffect[] = [];
  #operations = 0;
  #transactions = 0;
  readonly #onPerformed = new Map<number, (outcome: ActionOutcome, now: number) => void>();
  readonly #onConfirmed = new Map<number, (answer: 'holds' | 'does-not-hold' | 'unknown') => void>();
  readonly #onTransacted = new Map<number, (outcome: TransactionOutcome, now: number) => void>();
  #reportSequence = 0;
  #nextReportAt = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #urgent = true;

  constructor(config: AgentConfig, memory: AgentMemory) {
    this.config = config;
    this.index = indexOf(config.topology);
    const home = this.index.host.get(config.host);
    assert(home, `host ${config.host} is not in the topology`);
    this.site = home.site;
    this.#memory = memory;
    const locals = new Map<InstanceId, LocalInstance>();
    for (const component of config.topology.components)
      for (const instance of component.instances) {
        const group = config.topology.groups.find((each) => each.components.includes(component.id));
        if (instance.host === config.host && component.kind !== 'inventory' && group)
          locals.set(
            instance.id,
            new LocalInstance({
              instance,
              component,
              group,
              mayWrite: memory.mayWrite.includes(instance.id),
              gate: config.gates[instance.id] ?? null,
            }),
          );
      }
    this.locals = locals;
    this.#desk = new CommandDesk(this);
    this.#leases = new LeaseUpkeep(this, this.#desk);
    this.#ackSets = new AckSetUpkeep(this);
  }

  get memory(): AgentMemory {
    return this.#memory;
  }

  /** The only way in. `now` is this host's monotonic clock in milliseconds. */
  step(event: AgentEvent, now: number): readonly AgentEffect[] {
    this.#effects = [];
    this.#take(event, now);
    for (const local of this.locals.values()) this.#work(local, now);
    this.#report(now);
    return this.#effects;
  }

  /** When `tick` is next needed. */
  nextWakeAt(now: number): number {
    let wake = this.#urgent ? this.#reportedAt + REPORTS_APART_MS : this.#nextReportAt;
    for (const local of this.locals.values()) wake = Math.min(wake, local.nextWakeAt(now));
    return Math.max(wake, now + 1);
  }

  #take(event: AgentEvent, now: number): void {
    switch (event.kind) {
      case 'tick':
        return;
      case 'observed':
        return this.#observed(event.observation.instance, event.observation, now);
      case 'exited':
        return this.#exited(event.exit, now);
      case 'performed': {
        const then = this.#onPerformed.get(event.operation);
        this.#onPerformed.delete(event.operation);
        return then?.(event.outcome, now);
      }
      case 'confirmed': {
        const then = this.#onConfirmed.get(event.operation);
        this.#onConfirmed.delete(event.operation);
        return then?.(event.answer);
      }
      case 'command':
        return this.#desk.receive(event.command, now);
      case 'authority-snapshot':
        this.mirror.snapshot(event.entries, { revision: event.revision, incarnation: event.incarnation, now });
        return this.#recordsMayHaveChanged();
      case 'authority-changed':
        this.mirror.change(event.changes, event.revision, now);
        if (event.changes.some((change) => change.key.startsWith('group/'))) this.#recordsMayHaveChanged();
        return;
      case 'authority-heard':
        return this.mirror.heard(now);
      case 'transacted': {
        const then = this.#onTransacted.get(event.transaction);
        this.#onTransacted.delete(event.transaction);
        return then?.(event.outcome, now);
      }
    }
  }

  #observed(id: InstanceId, observation: Extract<AgentEvent, { kind: 'observed' }>['observation'], now: number): void {
    const local = this.locals.get(id);
    if (!local) return;
    const before = local.observation;
    local.observe(observation, now);
    if (!before || factsDiffer(before, observation)) this.#urgent = true;
    const { divergence } = observation;
    if (divergence?.list !== undefined && divergence.list.digest !== before?.divergence?.list?.digest)
      this.evidence({ kind: 'tail-listed', instance: id, data: { file: divergence.file, ...divergence.list } });
  }

  #exited(exit: Extract<AgentEvent, { kind: 'exited' }>['exit'], now: number): void {
    const local = this.locals.get(exit.instance);
    if (!local) return;
    local.exited(exit, now);
    if (exit.reaped && exit.treeEmpty) this.silenced(local);
    this.evidence({
      kind: 'exited',
      instance: exit.instance,
      data: { code: exit.code, signal: exit.signal, reaped: exit.reaped, treeEmpty: exit.treeEmpty },
    });
    this.#urgent = true;
  }

  #recordsMayHaveChanged(): void {
    for (const local of this.locals.values()) local.reconsider();
  }

  /** Lease first, then what the record asks of a standby or front, then the acknowledgement set. */
  #work(local: LocalInstance, now: number): void {
    const record = this.usableRecord(local.group.id);
    const grant = record?.grants[local.component.id] ?? null;
    if (local.endedUnseen(now))
      this.selfFence(local, 'its process is gone; nobody saw that nothing of it is left', now);
    if (local.component.authority === 'owned') this.#leases.work(local, grant, now);
    else if (isGated(local.component)) keepGateOpen(this, local, record, now);
    if (local.mayWrite && grant && record) {
      this.#ackSets.work(local, record, grant, now);
      switchTrading(this, local, record, now);
      acceptAgain(this, local, record, now);
    }
    if (!local.mayWrite && local.promotion === null && local.mayReconcile(now)) this.#reconcile(local, record, now);
  }

  #reconcile(local: LocalInstance, record: GroupRecord | null, now: number): void {
    const action = this.#wanted(local, record, now);
    if (action === null) return;
    local.reconciling(now);
    this.evidence({
      kind: 'reconciled',
      instance: local.instance.id,
      data: { action: action.kind, epoch: 'epoch' in action ? action.epoch : null },
    });
    const { kind } = local.component;
    const withinMs = isServedKind(kind) ? servedWithinMs(kind) : this.timing.stepDeadlineMs * 4;
    this.perform(local, action, withinMs, now, (outcome, at) => {
      local.reconciled(action, outcome, at);
    });
  }

  #wanted(local: LocalInstance, record: GroupRecord | null, now: number): InstanceAction | null {
    const { kind } = local.component;
    if (isServedKind(kind)) return servedAction(local, record, this.config.topology, this.locals);
    return kind === 'front'
      ? frontRoutes(local, record, this.site, this.config.topology, now)
      : standbyAction(local, record, now);
  }

  #report(now: number): void {
    if (now < this.#nextReportAt && !(this.#urgent && now >= this.#reportedAt + REPORTS_APART_MS)) return;
    this.#urgent = false;
    this.#reportedAt = now;
    this.#nextReportAt = nextBeat(now, this.timing.reportEveryMs);
    this.#reportSequence += 1;
    const instances: InstanceReport[] = [...this.locals.values()].map((local) =>
      local.report(now, this.#storedCounter(local)),
    );
    this.emit({
      kind: 'report',
      report: {
        host: this.config.host,
        site: this.site,
        boot: this.config.boot,
        start: this.#memory.starts ?? 0,
        sequence: this.#reportSequence,
        instances,
      },
    });
  }

  /** Number of the last renewal that the authority holds for it: only this agent ever sends one. */
  #storedCounter(local: LocalInstance): number {
    const stored = this.mirror.value<LeaseRecord>(keys.lease(local.group.id, local.component.id));
    return stored?.holder === local.instance.id ? stored.counter : 0;
  }

  // What the desk, the upkeep and the leases share.

  get timing() {
    return this.config.topology.timing;
  }

  /** What granted is gone: the store that took its place accepts no renewal under its record before a person adopts that. */
  isOfAnotherStore(group: GroupId): boolean {
    return this.mirror.value<GroupRecord>(keys.group(group))?.incarnation !== this.mirror.incarnation;
  }

  /** The record, if this agent may believe it: a restored authority may show one that is older than what was promised here. */
  usableRecord(group: GroupId): GroupRecord | null {
    const record = this.mirror.value<GroupRecord>(keys.group(group));
    if (record === null || record.incarnation !== this.mirror.incarnation) return null;
    const highest = this.#memory.highest[group];
    return highest && record.epoch < highest.epoch ? null : record;
  }

  group(id: GroupId): FailoverGroup | null {
    return this.config.topology.groups.find((each) => each.id === id) ?? null;
  }

  emit(effect: AgentEffect): void {
    this.#effects.push(effect);
  }

  urgent(): void {
    this.#urgent = true;
  }

  evidence(about: AgentEvidence): void {
    this.emit({ kind: 'evidence', about });
  }

  perform(
    local: LocalInstance,
    action: InstanceAction,
    deadlineMs: number,
    now: number,
    then: (outcome: ActionOutcome, now: number) => void,
  ): void {
    this.#operations += 1;
    local.began(this.#operations, action, now);
    const operation = this.#operations;
    this.#onPerformed.set(operation, (outcome, at) => {
      local.ended(operation);
      if (action.kind === 'route' && outcome.kind === 'ok') local.tookRoutes(action);
      // A lease that goes on is no news.
      if (action.kind !== 'lease' || outcome.kind !== 'ok') this.#urgent = true;
      then(outcome, at);
    });
    this.emit({ kind: 'perform', operation, instance: local.instance.id, action, deadlineMs });
  }

  confirm(
    local: LocalInstance,
    condition: Postcondition,
    deadlineMs: number,
    then: (answer: 'holds' | 'does-not-hold' | 'unknown') => void,
  ): void {
    this.#operations += 1;
    this.#onConfirmed.set(this.#operations, then);
    this.emit({ kind: 'confirm', operation: this.#operations, instance: local.instance.id, condition, deadlineMs });
  }

  ask(local: LocalInstance, question: Question, deadlineMs: number, then: (outcome: ActionOutcome) => void): void {
    this.#operations += 1;
    this.#onPerformed.set(this.#operations, then);
    this.emit({ kind: 'ask', operation: this.#operations, instance: local.instance.id, question, deadlineMs });
  }

  transact(
    body: Transaction,
    deadlineMs: number,
    _now: number,
    then: (outcome: TransactionOutcome, now: number) => void,
  ): void {
    this.#transactions += 1;
    const { incarnation } = this.mirror;
    // What another incarnation answered is no part of the history that is known here now.
    this.#onTransacted.set(this.#transactions, (outcome, now) => {
      if (incarnation !== this.mirror.incarnation)
        return then({ kind: 'unknown', reason: 'the authority has another incarnation since' }, now);
      if (outcome.kind === 'conflict') this.mirror.learn(outcome.current, now);
      then(outcome, now);
    });
    this.emit({ kind: 'transact', transaction: this.#transactions, body, deadlineMs });
  }

  /** True when the command may act; raises what is remembered first, durably. */
  admit(group: GroupId, epoch: Epoch, term: Term): 'stale-epoch' | 'stale-term' | null {
    const highest = this.#memory.highest[group] ?? { epoch: 0 as Epoch, term: 0 as Term };
    if (epoch < highest.epoch) return 'stale-epoch';
    if (term < highest.term) return 'stale-term';
    if (epoch > highest.epoch || term > highest.term)
      this.#remember({ ...this.#memory, highest: { ...this.#memory.highest, [group]: { epoch, term } } });
    return null;
  }

  /** `durably`: before it is answered; otherwise with whatever is remembered next, and a crash before that forgets it. */
  rememberDone(entry: AgentMemory['done'][number], durably = true): void {
    const memory = { ...this.#memory, done: [...this.#memory.done, entry].slice(-REMEMBERED) };
    if (durably) this.#remember(memory);
    else this.#memory = memory;
  }

  rememberStopped(local: LocalInstance, isStopped: boolean): void {
    const { id } = local.instance;
    const before = this.#memory.stopped ?? [];
    if (before.includes(id) === isStopped) return;
    this.#remember({ ...this.#memory, stopped: isStopped ? [...before, id] : before.filter((each) => each !== id) });
  }

  /** Revoked, with its lease still running: it is asked to stop, and killed if it does not say at once that it has. */
  stepDown(local: LocalInstance, epoch: Epoch, now: number): void {
    if (local.killing) return;
    local.killing = true;
    this.#desk.promotionOvertaken(local);
    const { reign } = local;
    this.perform(local, { kind: 'demote', epoch }, this.timing.stopWithinMs, now, (outcome, at) => {
      local.killing = false;
      // Silenced another way, and promoted again since: this is about an earlier reign.
      if (local.reign !== reign || !local.mayWrite) return;
      if (outcome.kind === 'ok') this.silenced(local, 'demoted');
      else this.selfFence(local, 'revoked, and it did not confirm that it stopped', at);
      local.reconsider();
    });
  }

  /** It kills what may write and has no right to any more: the polite half; a gate outside does the same. */
  selfFence(local: LocalInstance, reason: string, now: number): void {
    if (local.killing) return;
    local.killing = true;
    this.#desk.promotionOvertaken(local);
    this.evidence({
      kind: 'self-fenced',
      instance: local.instance.id,
      data: { reason, leaseDeadline: local.lease?.deadline ?? null, now },
    });
    const { reign } = local;
    this.perform(local, { kind: 'kill' }, this.timing.stopWithinMs, now, (outcome) => {
      local.killing = false;
      if (outcome.kind === 'ok' && local.reign === reign) this.silenced(local);
      local.reconsider();
    });
  }

  /** Durable before the promotion begins: after a crash this agent still knows that something may be writing. */
  willWrite(local: LocalInstance): void {
    local.mayWrite = true;
    local.reign += 1;
    this.#rememberWriters();
  }

  silenced(local: LocalInstance, by: 'process-dead' | 'demoted' = 'process-dead'): void {
    if (!local.mayWrite) return;
    local.silencedBy = by;
    local.mayWrite = false;
    local.lease = null;
    local.leaseRefusals = 0;
    this.#desk.promotionOvertaken(local);
    // What is known of it was seen before its end was confirmed.
    if (local.observation?.role === 'primary')
      local.observation = { ...local.observation, role: 'closed', releasing: false };
    this.#rememberWriters();
    this.#urgent = true;
  }

  #rememberWriters(): void {
    const mayWrite = [...this.locals.values()].filter((local) => local.mayWrite).map((local) => local.instance.id);
    if (!sameJson(mayWrite, this.#memory.mayWrite)) this.#remember({ ...this.#memory, mayWrite });
  }

  #remember(memory: AgentMemory): void {
    this.#memory = memory;
    this.emit({ kind: 'persist', memory });
  }
}

/** Differences that a controller should know at once. */
function factsDiffer(
  before: NonNullable<LocalInstance['observation']>,
  after: NonNullable<LocalInstance['observation']>,
): boolean {
  return (
    before.process !== after.process ||
    before.role !== after.role ||
    before.health !== after.health ||
    before.releasing !== after.releasing ||
    before.upstream?.connected !== after.upstream?.connected ||
    before.upstream?.instance !== after.upstream?.instance ||
    hasUpstream(before.upstream) !== hasUpstream(after.upstream) ||
    !letInAlike(before, after) ||
    before.replicas.length !== after.replicas.length ||
    before.replicas.some((replica, at) => replica.state !== after.replicas[at]?.state)
  );
}
