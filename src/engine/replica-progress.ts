import type { InstanceId } from '../core/base/ids.ts';
import type { ReplicaObservation } from '../core/health/instance-observation.ts';

/** A holder that was not looked at for longer than this was not seen to stand still; it is told of once a second. */
const LOOKED_WITHIN_MS = 2500;

/** Since when each replica of a holder is behind without getting any further, as far as was seen. */
export class ReplicaProgress {
  readonly #stuck = new Map<InstanceId, { readonly acknowledged: number; readonly since: number }>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  look(replicas: readonly ReplicaObservation[], now: number): void {
    const paused = now - this.#lookedAt > LOOKED_WITHIN_MS;
    this.#lookedAt = now;
    if (paused) this.#stuck.clear();
    const named = new Set(replicas.map(({ instance }) => instance));
    for (const instance of this.#stuck.keys()) if (!named.has(instance)) this.#stuck.delete(instance);
    for (const { instance, state, acknowledgedSequence: acknowledged } of replicas) {
      const known = this.#stuck.get(instance);
      // One that was rebuilt has less than before: it goes on from there.
      const moved = known === undefined || known.acknowledged !== acknowledged;
      if (state === 'in-sync' || state === 'lost') this.#stuck.delete(instance);
      else if (moved) this.#stuck.set(instance, { acknowledged, since: now });
    }
  }

  /** For how long it was seen to be behind without progress; 0 while it gets further, or is not behind. */
  stuckFor(instance: InstanceId): number {
    const known = this.#stuck.get(instance);
    return known === undefined ? 0 : this.#lookedAt - known.since;
  }
}
