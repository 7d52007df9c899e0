import type { Digest } from '../core/base/canonical-json.ts';
import { controllerId, type SiteId, type WallMs } from '../core/base/ids.ts';
import type { PeerOpinion } from '../core/health/verdict.ts';
import type { OperatorAnswer } from '../core/operator/operator-request.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import type { Topology } from '../core/topology/topology.ts';
import { ControllerCore } from '../engine/controller-core.ts';
import type { ControllerEffect, ControllerEvent, ControllerEvidence } from '../engine/controller-effects.ts';
import type { AgentReport, Command } from '../engine/messages.ts';
import type { AuthorityModel, Subscriber } from './authority-model.ts';
import type { EventQueue } from './event-queue.ts';
import type { MachineClock } from './machine-clock.ts';
import type { Place } from './network.ts';

export interface ControllerSurroundings {
  readonly queue: EventQueue;
  readonly topology: Topology;
  readonly authority: AuthorityModel;
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly digest: Digest;
  command(from: ControllerProcess, host: string, command: Command): void;
  opinion(from: ControllerProcess, opinion: PeerOpinion): void;
  evidence(from: ControllerProcess, entry: ControllerEvidence): void;
  answered(ticket: number, answer: OperatorAnswer): void;
  diesNow(controller: ControllerProcess): boolean;
}

/** Of the silence that a detector must bear: what comes later than this is not steady, though nobody may call it silent yet. */
export const STEADY = 0.8;

/** A controller's process in the simulator: the real `ControllerCore`. It keeps nothing through a crash. */
export class ControllerProcess implements Subscriber {
  readonly site: SiteId;
  readonly place: Place;
  readonly #around: ControllerSurroundings;
  readonly #clock: MachineClock;
  #core: ControllerCore | null = null;
  #state: 'running' | 'frozen' | 'dead' = 'dead';
  #life = 0;
  #inbox: ControllerEvent[] = [];
  #wakeAt = Number.POSITIVE_INFINITY;
  /** Offset of its idea of UTC; may jump. */
  wallOffsetMs = 0;
  /** When the report of a host last reached it, and since when they have come without a gap. World time. */
  readonly hears = new Map<string, { lastAt: number; steadySince: number; start: number; sequence: number }>();

  constructor(site: SiteId, clock: MachineClock, around: ControllerSurroundings) {
    this.site = site;
    this.place = { site, host: null };
    this.#clock = clock;
    this.#around = around;
  }

  alive(): boolean {
    return this.#state !== 'dead';
  }
  get running(): boolean {
    return this.#state === 'running';
  }
  get leading(): boolean {
    return this.#state !== 'dead' && this.#core?.leading === true;
  }
  get core(): ControllerCore | null {
    return this.#core;
  }

  start(): void {
    if (this.#state !== 'dead') return;
    this.#life += 1;
    this.#state = 'running';
    const { topology, runbooks, digest } = this.#around;
    this.#core = new ControllerCore({ id: controllerId(this.site), site: this.site, topology, runbooks, digest });
    this.#around.authority.subscribe(this);
    this.deliver({ kind: 'tick' });
  }

  crash(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#core = null;
    this.hears.clear();
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

  deliver(event: ControllerEvent): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'frozen') {
      if (this.#inbox.length < 5000) this.#inbox.push(event);
      return;
    }
    this.#step(event);
  }

  #step(event: ControllerEvent): void {
    const core = this.#core;
    if (core === null) return;
    if (event.kind === 'report') this.#heard(event.report);
    const now = this.#clock.local(this.#around.queue.now);
    const wall = Math.floor(1_700_000_000_000 + this.#around.queue.now + this.wallOffsetMs) as WallMs;
    for (const effect of core.step(event, now, wall)) {
      if (this.#around.diesNow(this)) return this.crash();
      this.#carryOut(effect);
    }
    this.#arm(core, now);
  }

  #heard({ host, start, sequence }: AgentReport): void {
    const { now } = this.#around.queue;
    const known = this.hears.get(host);
    if (!known) this.hears.set(host, { lastAt: now, steadySince: now, start, sequence });
    else if (start > known.start || (start === known.start && sequence > known.sequence)) {
      known.start = start;
      known.sequence = sequence;
      if (now - known.lastAt > STEADY * this.#around.topology.timing.silenceFloorMs) known.steadySince = now;
      known.lastAt = now;
    }
  }

  #arm(core: ControllerCore, now: number): void {
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

  #carryOut(effect: ControllerEffect): void {
    switch (effect.kind) {
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
      case 'reload-authority':
        return this.#around.authority.reload(this);
      case 'command':
        return this.#around.command(this, effect.host, effect.command);
      case 'network-test':
        return undefined;
      case 'tell-peers':
        return this.#around.opinion(this, effect.opinion);
      case 'answer':
        return this.#around.answered(effect.ticket, effect.answer);
      case 'evidence':
        return this.#around.evidence(this, effect.entry);
    }
  }
}
