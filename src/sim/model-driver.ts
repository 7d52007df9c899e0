import type { Epoch, InstanceId, MonoMs } from '../core/base/ids.ts';
import { isServedKind } from '../core/topology/served.ts';
import type { ActionOutcome, InstanceAction, Postcondition, Question } from '../engine/driver-port.ts';
import type { AgentProcess, AgentSurroundings } from './agent-process.ts';
import { ForeignPromotion } from './foreign-promotion.ts';
import type { GateModel } from './gate-model.ts';
import type { InstanceModel } from './instance-model.ts';
import type { MachineClock } from './machine-clock.ts';

/** What an agent's drivers do to the models of its host, at the moment at which they do it. */
export class ModelDriver {
  readonly #agent: AgentProcess;
  readonly #clock: MachineClock;
  readonly #gate: GateModel;
  readonly #around: AgentSurroundings;
  readonly #promotions = new Map<InstanceId, ForeignPromotion>();
  /** Routes of the fronts on this host; lost when the front dies. */
  readonly routes = new Map<InstanceId, Readonly<Record<string, InstanceId | null>>>();

  constructor(agent: AgentProcess, clock: MachineClock, gate: GateModel, around: AgentSurroundings) {
    this.#agent = agent;
    this.#clock = clock;
    this.#gate = gate;
    this.#around = around;
  }

  /** One that is under way; null when there is none. */
  promotionOf(id: InstanceId): ForeignPromotion | null {
    const promotion = this.#promotions.get(id);
    return promotion === undefined || promotion.over ? null : promotion;
  }

  perform(instance: InstanceModel, action: InstanceAction, done: (outcome: ActionOutcome) => void): void {
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
    const promotion = new ForeignPromotion(
      instance,
      order,
      {
        queue: this.#around.queue,
        clock: this.#clock,
        gate: this.#gate,
        agent: this.#agent.lifeline(),
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
        const promotion = this.promotionOf(instance.id);
        if (promotion?.epoch === action.epoch) {
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
        this.#agent.observeSoon(instance);
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
    if (instance.redis !== null) this.#agent.observeIn(instance, 1);
    const wasRouted = instance.routed;
    instance.routed = Object.values(routes).some(isLed);
    if (instance.routed && (!wasRouted || changed)) instance.redis?.opened(instance);
    instance.leads = Object.fromEntries(
      Object.entries(routes).map(([name, target]) => [name, isLed(target) ? target : null]),
    );
    return true;
  }

  #gated(instance: InstanceModel): ActionOutcome {
    return {
      kind: 'ok',
      detail: { gate: instance.selfGated ? 'self' : 'warden', gateBoundMs: this.#around.topology.timing.stopWithinMs },
    };
  }

  holds(instance: InstanceModel, condition: Postcondition): boolean {
    return holds(instance, condition, this.routes.get(instance.id));
  }

  answer(instance: InstanceModel, question: Question): ActionOutcome {
    return question === 'takeover' ? told(instance) : undecoded(instance);
  }
}

/** What does not answer is killed. */
export const silences = (action: InstanceAction): boolean => action.kind === 'route' && action.silence === true;

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
