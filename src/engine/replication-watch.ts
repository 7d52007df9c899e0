import type { InstanceId, WallMs } from '../core/base/ids.ts';
import { type LogPace, looked, timeBehind } from '../core/replication/log-pace.ts';
import type { AgentReport } from './messages.ts';

/** The worst that was seen of one copy since this controller watches: how far and how long behind its primary, and when. */
export interface WorstBehind {
  readonly behind: number;
  readonly behindAt: WallMs;
  readonly behindMs: number;
  readonly behindMsAt: WallMs;
}

/**
 * Remembers of every log when it was where, from what agents tell anyway, so that a difference of positions can be said in time, and
 * the worst there was. For people: nothing is decided from it, and a controller that starts anew begins anew.
 */
export class ReplicationWatch {
  readonly #paces = new Map<InstanceId, LogPace>();
  readonly #worst = new Map<InstanceId, WorstBehind>();
  #since: WallMs | null = null;

  report({ instances }: AgentReport, now: number, wall: WallMs): void {
    this.#since ??= wall;
    for (const { instance, observation, ageMs } of instances) {
      if (observation === null || observation.position === null || observation.process !== 'running') continue;
      const { position, role, replicas } = observation;
      const pace = looked(this.#paces.get(instance) ?? [], position, now - ageMs);
      this.#paces.set(instance, pace);
      if (role !== 'primary') continue;
      for (const { instance: copy, state, acknowledgedSequence } of replicas) {
        if (state === 'lost' || acknowledgedSequence === 0) continue;
        const behind = Math.max(0, position.sequence - acknowledgedSequence);
        const reached = { generation: position.generation, sequence: acknowledgedSequence };
        this.#remember(copy, behind, behind === 0 ? 0 : (timeBehind(pace, reached)?.ms ?? 0), wall);
      }
    }
  }

  #remember(copy: InstanceId, behind: number, behindMs: number, wall: WallMs): void {
    const worst = this.#worst.get(copy);
    if (worst !== undefined && behind <= worst.behind && behindMs <= worst.behindMs) return;
    const further = worst === undefined || behind > worst.behind;
    const longer = worst === undefined || behindMs > worst.behindMs;
    this.#worst.set(copy, {
      behind: further ? behind : worst.behind,
      behindAt: further ? wall : worst.behindAt,
      behindMs: longer ? Math.round(behindMs) : worst.behindMs,
      behindMsAt: longer ? wall : worst.behindMsAt,
    });
  }

  get paces(): ReadonlyMap<InstanceId, LogPace> {
    return this.#paces;
  }

  /** Since when this controller watches; null = it has heard of nothing yet. */
  get since(): WallMs | null {
    return this.#since;
  }

  worstOf(copy: InstanceId): WorstBehind | null {
    return this.#worst.get(copy) ?? null;
  }
}
