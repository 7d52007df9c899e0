import type { InstanceId } from '../core/base/ids.ts';
import type { Host, Topology } from '../core/topology/topology.ts';
import { AgentCore } from '../engine/agent-core.ts';
import type { AgentEffect, AgentEvent } from '../engine/agent-effects.ts';
import { type AgentMemory, blankMemory, startedOnceMore } from '../engine/agent-memory.ts';
import type { ActionOutcome, InstanceAction } from '../engine/driver-port.ts';
import type { AgentReport, Command, CommandOutcome } from '../engine/messages.ts';
import type { Routes } from '../engine/served-port.ts';
import type { AuthorityModel, Subscriber } from './authority-model.ts';
import type { EventQueue } from './event-queue.ts';
import type { GateModel } from './gate-model.ts';
import type { InstanceModel } from './instance-model.ts';
import type { MachineClock } from './machine-clock.ts';
import { ModelDriver, silences } from './model-driver.ts';
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
  readonly driver: ModelDriver;
  readonly #around: AgentSurroundings;
  readonly #clock: MachineClock;
  #core: AgentCore | null = null;
  #memory: AgentMemory = blankMemory;
  #state: 'running' | 'frozen' | 'dead' = 'dead';
  #life = 0;
  #inbox: AgentEvent[] = [];
  #wakeAt = Number.POSITIVE_INFINITY;
  /** When the last action of each instance is attempted. */
  readonly #attemptAt = new Map<InstanceId, number>();
  /** Its drivers take up to this much longer, deadline or not: what they were told to do happens late. */
  slowMs = 0;
  /** Share of its drivers' actions that are done and never reported. */
  answersLost = 0.02;

  constructor(host: Host, clock: MachineClock, gate: GateModel, around: AgentSurroundings) {
    this.host = host;
    this.place = { site: host.site, host: host.id };
    this.#clock = clock;
    this.#around = around;
    this.driver = new ModelDriver(this, clock, gate, around);
  }

  get running(): boolean {
    return this.#state === 'running';
  }
  alive(): boolean {
    return this.#state !== 'dead';
  }
  /** How this life of it goes on, for what outlives a call. */
  lifeline(): () => 'running' | 'frozen' | 'gone' {
    const life = this.#life;
    return () => (this.#life !== life || this.#state === 'dead' ? 'gone' : this.#state);
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
    this.observeIn(instance, this.#around.random.between(1, 8));
  }

  observeIn(instance: InstanceModel, afterMs: number): void {
    const life = this.#life;
    this.#around.queue.after(afterMs, () => {
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
          (instance, done) => this.driver.perform(instance, effect.action, done),
          effect.deadlineMs,
          (outcome) => ({ kind: 'performed', operation: effect.operation, outcome }),
          silences(effect.action) ? 'kill' : effect.action.kind,
        );
      case 'confirm':
        return this.#confirm(effect);
      case 'ask':
        return this.#drive(
          effect.instance,
          (instance, done) => done(this.driver.answer(instance, effect.question)),
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
      const promotion = this.driver.promotionOf(id);
      if (promotion !== null) {
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
      once(this.driver.holds(instance, effect.condition) ? 'holds' : 'does-not-hold');
    });
  }
}
