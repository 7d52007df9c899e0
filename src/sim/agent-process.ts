import type { Epoch, InstanceId, MonoMs } from '../core/base/ids.ts';
import { isServedKind } from '../core/topology/served.ts';
import type { Host, Topology } from '../core/topology/topology.ts';
import { AgentCore } from '../engine/agent-core.ts';
import type { AgentEffect, AgentEvent } from '../engine/agent-effects.ts';
import { type AgentMemory, blankMemory, startedOnceMore } from '../engine/agent-memory.ts';
import type { ActionOutcome, InstanceAction, Postcondition } from '../engine/driver-port.ts';
import type { AgentReport, Command, CommandOutcome } from '../engine/messages.ts';
import type { Routes } from '../engine/served-port.ts';
import type { AuthorityModel, Subscriber } from './authority-model.ts';
import type { EventQueue } from './event-queue.ts';
import { ForeignPromotion } from './foreign-promotion.ts';
import type { GateModel } from './gate-model.ts';
import type { InstanceModel } from './instance-model.ts';
import type { MachineClock } from './machine-clock.ts';
import type { Place } from './network.ts';
import type { Random } from './random.ts';

export interface AgentSurroundings {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly topology: Topology;
  readonly authority: AuthorityModel;
  /** Those on this host. */
  instances(): readonly InstanceModel[];
  peer(id: InstanceId): InstanceModel | null;
  report(report: AgentReport, from: Place): void;
  answer(outcome: CommandOutcome, from: Place, command: string): void;
  /** `leaseLeft`: the deadline that comes with a promotion is still ahead on this host's clock. */
  performing(instance: InstanceModel, action: InstanceAction, leaseLeft: boolean): void;
  /** A database is opened for writing. */
  opening(instance: InstanceModel, leaseLeft: boolean): void;
  /** The lease of a promotion ran out before it was open. */
  tooLate(): void;
  /** A command was taken in and everything that it led to at once was carried out. */
  judged(agent: AgentProcess, command: Command, effects: readonly AgentEffect[]): void;
  fenced(instance: string, reason: string): void;
  /** A served instance leads somewhere else than before. */
  led(instance: InstanceId, routes: Routes): void;
  /** True = this process dies between two effects of one batch. */
  diesNow(agent: AgentProcess): boolean;
}

/** An agent's process on a simulated host: the real `AgentCore`, a durable memory, and drivers that act on the models. */
export class AgentProcess implements Subscriber {
  readonly host: Host;
  readonly place: Place;
  readonly #around: AgentSurroundings;
  readonly #clock: MachineClock;
  readonly #gate: GateModel;
  #core: AgentCore | null = null;
  #memory: AgentMemory = blankMemory;
  #state: 'running' | 'frozen' | 'dead' = 'dead';
  #life = 0;
  #inbox: AgentEvent[] = [];
  #wakeAt = Number.POSITIVE_INFINITY;
  /** When the last action of each instance is attempted. */
  readonly #attemptAt = new Map<InstanceId, number>();
  readonly #promotions = new Map<InstanceId, ForeignPromotion>();
  /** Its drivers take up to this much longer, deadline or not: what they were told to do happens late. */
  slowMs = 0;
  /** Share of its drivers' actions that are done and never reported. */
  answersLost = 0.02;

  constructor(host: Host, clock: MachineClock, gate: GateModel, around: AgentSurroundings) {
    this.host = host;
    this.place = { site: host.site, host: host.id };
    this.#clock = clock;
    this.#gate = gate;
    this.#around = around;
  }

  get running(): boolean {
    return this.#state === 'running';
  }
  alive(): boolean {
    return this.#state !== 'dead';
  }
  get core(): AgentCore | null {
    return this.#core;
  }

  start(): void {
    if (this.#state !== 'dead') return;
    this.#life += 1;
    this.#state = 'running';
    this.#memory = startedOnceMore(this.#memory);
    this.#core = new AgentCore(
      {
        host: this.host.id,
        topology: this.#around.topology,
        boot: `${this.host.id}#${this.#life}`,
        gates: this.#gates(),
      },
      this.#memory,
    );
    this.#around.authority.subscribe(this);
    for (const instance of this.#around.instances()) {
      instance.ledEpoch = 0;
      this.observeSoon(instance);
    }
    this.deliver({ kind: 'tick' });
    this.#poll(this.#life);
  }

  #gates() {
    const boundMs = this.#around.topology.timing.stopWithinMs;
    return Object.fromEntries(
      this.#around
        .instances()
        .map((each) => [each.id, { kind: each.selfGated ? ('self' as const) : ('warden' as const), boundMs }]),
    );
  }

  crash(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#core = null;
    this.#inbox = [];
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#around.authority.unsubscribe(this);
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const waiting = this.#inbox.splice(0);
    this.#step({ kind: 'tick' });
    for (const event of waiting) this.deliver(event);
  }

  /** Drivers look at least this often. */
  #poll(life: number): void {
    this.#around.queue.after(700 + this.#around.random.fraction() * 100, () => {
      if (this.#life !== life || this.#state === 'dead') return;
      for (const instance of this.#around.instances()) this.observeSoon(instance);
      this.#poll(life);
    });
  }

  observeSoon(instance: InstanceModel): void {
    const life = this.#life;
    this.#around.queue.after(this.#around.random.between(1, 8), () => {
      if (this.#life === life) this.deliver({ kind: 'observed', observation: instance.observe() });
    });
  }

  sawExit(instance: InstanceModel): void {
    const life = this.#life;
    this.#around.queue.after(this.#around.random.between(1, 5), () => {
      if (this.#life === life && instance.process === 'exited')
        this.deliver({
          kind: 'exited',
          exit: { instance: instance.id, code: null, signal: 'SIGKILL', reaped: true, treeEmpty: true },
        });
    });
  }

  deliver(event: AgentEvent): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'frozen') {
      this.#inbox.push(event);
      return;
    }
    this.#step(event);
  }

  #step(event: AgentEvent): void {
    const core = this.#core;
    if (core === null) return;
    const now = this.#clock.local(this.#around.queue.now);
    const effects = core.step(event, now);
    for (const effect of effects) {
      if (this.#around.diesNow(this)) return this.crash();
      this.#carryOut(effect);
    }
    if (event.kind === 'command') this.#around.judged(this, event.command, effects);
    this.#arm(core, now);
  }

  #arm(core: AgentCore, now: number): void {
    const at = this.#clock.world(core.nextWakeAt(now));
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    const life = this.#life;
    this.#around.queue.at(at, () => {
      if (this.#life !== life || this.#state !== 'running' || this.#wakeAt !== at) return;
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#step({ kind: 'tick' });
    });
  }

  #carryOut(effect: AgentEffect): void {
    switch (effect.kind) {
      case 'persist':
        this.#memory = effect.memory;
        return;
      case 'report':
        return this.#around.report(effect.report, this.place);
      case 'answer':
        return this.#around.answer(effect.outcome, this.place, effect.outcome.key);
      case 'evidence':
        if (effect.about.kind === 'self-fenced')
          this.#around.fenced(effect.about.instance ?? '', (effect.about.data as { reason: string }).reason);
        return;
      case 'transact': {
        const life = this.#life;
        return this.#around.authority.transact(
          this.place,
          effect.body,
          effect.deadlineMs,
          this.#core?.mirror.incarnation ?? null,
          (outcome) => {
            if (this.#life === life) this.deliver({ kind: 'transacted', transaction: effect.transaction, outcome });
          },
        );
      }
      case 'perform':
        return this.#drive(
          effect.instance,
          (instance, done) => this.#perform(instance, effect.action, done),
          effect.deadlineMs,
          (outcome) => ({ kind: 'performed', operation: effect.operation, outcome }),
          silences(effect.action) ? 'kill' : effect.action.kind,
        );
      case 'confirm':
        return this.#confirm(effect);
      case 'ask':
        return this.#drive(
          effect.instance,
          (instance, done) => done(effect.question === 'takeover' ? told(instance) : undecoded(instance)),
          effect.deadlineMs,
          (outcome) => ({ kind: 'performed', operation: effect.operation, outcome }),
          'test-order',
        );
    }
  }

  /** Takes time; a hung instance answers nothing; a slow one may have done it and not said so. */
  #drive(
    id: InstanceId,
    act: (instance: InstanceModel, done: (outcome: ActionOutcome) => void) => void,
    deadlineMs: number,
    event: (outcome: ActionOutcome) => AgentEvent,
    kind: InstanceAction['kind'],
  ): void {
    const { queue, random } = this.#around;
    const life = this.#life;
    const instance = this.#around.instances().find((each) => each.id === id);
    let answered = false;
    const once = (outcome: ActionOutcome) => {
      if (answered || this.#life !== life) return;
      answered = true;
      this.deliver(event(outcome));
    };
    queue.after(deadlineMs, () => once({ kind: 'unknown', reason: 'deadline' }));
    if (!instance) return;
    const attempt = () => {
      if (this.#life !== life) return;
      if (this.#state === 'frozen') return void queue.after(50, attempt);
      const isGate = kind === 'lease' && instance.delegate !== null;
      if (instance.process === 'frozen' && kind !== 'kill' && !isGate) return;
      const promotion = this.#promotions.get(id);
      if (promotion !== undefined && !promotion.over) {
        if (kind === 'kill' || kind === 'demote') promotion.giveUp();
        else if (kind !== 'lease' && kind !== 'fence') return void queue.after(20, attempt);
      }
      act(instance, (outcome) => {
        // What is lost with a lease is the gate that it arms; that has a fault of its own.
        if (kind !== 'lease' && random.chance(this.answersLost)) return;
        queue.after(random.between(0.2, 3), () => once(outcome));
      });
    };
    // One after the other, as they were asked for; a kill waits for nobody.
    const slowMs = this.slowMs > 0 && kind !== 'kill' ? random.fraction() * this.slowMs : 0;
    const earliest = queue.now + random.between(0.5, 10) + slowMs;
    const at = kind === 'kill' ? earliest : Math.max(earliest, this.#attemptAt.get(id) ?? 0);
    this.#attemptAt.set(id, Math.max(at, this.#attemptAt.get(id) ?? 0));
    queue.at(at, attempt);
  }

  #perform(instance: InstanceModel, action: InstanceAction, done: (outcome: ActionOutcome) => void): void {
    this.#around.performing(
      instance,
      action,
      action.kind === 'promote' && this.#clock.local(this.#around.queue.now) < action.leaseUntil,
    );
    // A promoted database that nobody has opened is opened by being told for whom to wait, under the conditions of a promotion.
    const opens = action.kind === 'set-ack-set' && instance.role === 'primary' && !instance.opened;
    if (instance.selfGated || instance.process !== 'running' || !(action.kind === 'promote' || opens))
      return done(this.#performAtOnce(instance, action));
    const order =
      action.kind === 'promote'
        ? action
        : { ...action, leaseUntil: instance.leaseUntilLocal as MonoMs, tradingEnabled: instance.tradingEnabled };
    const life = this.#life;
    const promotion = new ForeignPromotion(
      instance,
      order,
      {
        queue: this.#around.queue,
        clock: this.#clock,
        gate: this.#gate,
        agent: () => (this.#life !== life || this.#state === 'dead' ? 'gone' : this.#state),
        opening: (opened, leaseLeft) => this.#around.opening(opened, leaseLeft),
        tooLate: () => this.#around.tooLate(),
      },
      (outcome) => done(outcome.kind === 'ok' ? this.#gated(instance) : outcome),
    );
    this.#promotions.set(instance.id, promotion);
    promotion.go();
  }

  #performAtOnce(instance: InstanceModel, action: InstanceAction): ActionOutcome {
    const failed = (code: string): ActionOutcome => ({ kind: 'failed', code, reason: code });
    const done = (ok: boolean, code: string): ActionOutcome => (ok ? { kind: 'ok', detail: {} } : failed(code));
    // A database is started by being told whom to follow; an application has to be started first.
    if (action.kind === 'follow' && instance.component.kind === 'postgres') instance.start();
    if (silences(action) && instance.process === 'frozen') instance.die();
    if (action.kind === 'lease' && instance.delegate !== null)
      return instance.delegate.openGate(instance, this.#clock.world(action.leaseUntil));
    const needsProcess = !['start', 'kill', 'prove-gone'].includes(action.kind) && !silences(action);
    if (needsProcess && instance.process !== 'running') return failed('not-running');
    switch (action.kind) {
      case 'start':
        instance.start();
        return done(true, '');
      case 'kill':
        instance.die();
        this.#gate.disarm(instance);
        return done(true, '');
      case 'fence':
        return done(instance.fence(action.epoch), 'stale-epoch');
      case 'follow':
        return done(instance.follow(action.epoch, this.#cascade(instance, action.upstream)), 'stale-epoch');
      case 'promote': {
        const result = instance.promote({
          epoch: action.epoch,
          leaseUntilLocal: action.leaseUntil,
          ackSet: action.ackSet,
          tradingEnabled: action.tradingEnabled,
          halted: action.halted ?? false,
        });
        return result === 'ok' ? this.#gated(instance) : failed(result);
      }
      case 'lease': {
        const armed = this.#gate.arm(instance, action.leaseUntil);
        const promotion = this.#promotions.get(instance.id);
        if (promotion?.epoch === action.epoch && !promotion.over) {
          if (!armed) return failed('gate');
          promotion.leaseUntil = Math.max(promotion.leaseUntil, action.leaseUntil);
          instance.lease(action.epoch, action.leaseUntil);
          return this.#gated(instance);
        }
        if (!instance.lease(action.epoch, action.leaseUntil)) return failed('not-primary');
        return armed || instance.selfGated ? this.#gated(instance) : { kind: 'ok', detail: {} };
      }
      case 'demote': {
        const ok = instance.demote(action.epoch);
        if (ok) this.#gate.disarm(instance);
        return done(ok, 'stale-epoch');
      }
      case 'drain':
        return done(instance.drain(action.epoch), 'not-ready');
      case 'act':
        return instance.act(action.epoch, action.action);
      case 'set-ack-set':
        return done(
          instance.setAckSet(action.epoch, action.ackSet, action.halted ?? false, action.askedAt ?? 0),
          'not-primary',
        );
      case 'set-trading':
        if (action.epoch < instance.epoch) return failed('stale-epoch');
        instance.setTrading(action.enabled);
        return done(true, '');
      case 'route':
        return done(this.#route(instance, action.epoch, action.routes), 'stale-epoch');
      case 'test-order':
        return done(
          instance.role === 'primary' && instance.opened && instance.leaseValid && instance.grantEpoch >= action.epoch,
          'not-ready',
        );
      case 'prove-gone':
        if (action.epoch < instance.epoch) return failed('stale-epoch');
        return instance.delegate?.proveGone(instance) ?? failed('not-delegated');
      case 'take-over': {
        if (instance.delegate === null) return failed('not-delegated');
        if (!instance.fence(action.epoch)) return failed('stale-epoch');
        const outcome = instance.delegate.takeOver(instance, action);
        this.observeSoon(instance);
        return outcome;
      }
      case 'service':
        return failed('unsupported');
    }
  }

  /** A cascade's configured upstream, when it is a standby itself; else the one that was commanded. */
  #cascade(instance: InstanceModel, commanded: InstanceId): InstanceId {
    const preferred = instance.instance.upstream;
    if (preferred === null || preferred === instance.id || preferred === commanded) return commanded;
    return this.#around.peer(preferred)?.role === 'standby' ? preferred : commanded;
  }

  #route(instance: InstanceModel, epoch: Epoch, routes: Readonly<Record<string, InstanceId | null>>): boolean {
    if (epoch < instance.epoch) return false;
    instance.epoch = epoch;
    const changed = JSON.stringify(this.routes.get(instance.id) ?? {}) !== JSON.stringify(routes);
    if (changed && isServedKind(instance.component.kind)) this.#around.led(instance.id, routes);
    this.routes.set(instance.id, routes);
    // A Redis that is to be closed is told who is not.
    const isLed = (target: InstanceId | null) =>
      instance.component.kind === 'redis' ? target === instance.id : target !== null;
    instance.ledEpoch = epoch;
    const life = this.#life;
    if (instance.redis !== null)
      this.#around.queue.after(1, () => {
        if (this.#life === life) this.deliver({ kind: 'observed', observation: instance.observe() });
      });
    const wasRouted = instance.routed;
    instance.routed = Object.values(routes).some(isLed);
    if (instance.routed && (!wasRouted || changed)) instance.redis?.opened(instance);
    instance.leads = Object.fromEntries(
      Object.entries(routes).map(([name, target]) => [name, isLed(target) ? target : null]),
    );
    return true;
  }

  /** Routes of the fronts on this host; lost when the front dies. */
  readonly routes = new Map<InstanceId, Readonly<Record<string, InstanceId | null>>>();

  #gated(instance: InstanceModel): ActionOutcome {
    return {
      kind: 'ok',
      detail: { gate: instance.selfGated ? 'self' : 'warden', gateBoundMs: this.#around.topology.timing.stopWithinMs },
    };
  }

  #confirm(effect: Extract<AgentEffect, { kind: 'confirm' }>): void {
    const { queue, random } = this.#around;
    const life = this.#life;
    let answered = false;
    const once = (answer: 'holds' | 'does-not-hold' | 'unknown') => {
      if (answered || this.#life !== life) return;
      answered = true;
      this.deliver({ kind: 'confirmed', operation: effect.operation, answer });
    };
    queue.after(effect.deadlineMs, () => once('unknown'));
    const instance = this.#around.instances().find((each) => each.id === effect.instance);
    if (!instance) return;
    queue.after(random.between(0.5, 6), () => {
      if (instance.process === 'frozen') return;
      once(holds(instance, effect.condition, this.routes.get(instance.id)) ? 'holds' : 'does-not-hold');
    });
  }
}

/** What does not answer is killed. */
const silences = (action: InstanceAction): boolean => action.kind === 'route' && action.silence === true;

function holds(
  instance: InstanceModel,
  condition: Postcondition,
  routes: Readonly<Record<string, InstanceId | null>> | undefined,
): boolean {
  switch (condition.kind) {
    case 'process-gone':
      return instance.process === 'exited';
    case 'epoch-at-least':
      return instance.epoch >= condition.epoch;
    case 'primary-at':
      return instance.role === 'primary' && instance.opened && instance.grantEpoch === condition.epoch;
    case 'not-primary':
      return instance.role !== 'primary' && instance.epoch >= condition.epoch;
    case 'following':
      return instance.role === 'standby' && instance.upstream === condition.upstream;
    case 'routed':
      return JSON.stringify(routes ?? {}) === JSON.stringify(condition.routes);
    case 'trading':
      return (instance.tradingEnabled && !instance.draining) === condition.enabled;
  }
}

/** Rows are not modelled: a tail is kept, and not decoded. */
const undecoded = ({ id }: InstanceModel): ActionOutcome => ({
  kind: 'failed',
  code: 'not-ready',
  reason: `the tail of ${id} was not decoded`,
});

/** Exchanges are not modelled: nothing is in doubt. */
function told(instance: InstanceModel): ActionOutcome {
  const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });
  if (instance.component.kind !== 'trading-engine') return failed('unknown-method', `${instance.id} is no engine`);
  if (instance.role !== 'primary') return failed('not-ready', `it is ${instance.role}, not primary`);
  const { grantEpoch: epoch, id, log } = instance;
  const venues = { venue: { session: 'epoch', missedReports: 0, cancelled: 0 } };
  const report = { epoch, instance: id, at: '2000-01-01T00:00:00.000Z', settledAfterMs: 4, venues };
  const answer = JSON.stringify({ ...report, orders: { open: log.length }, fates: {}, inDoubt: [], inDoubtCount: 0 });
  return { kind: 'ok', detail: { answer } };
}
